"""Who is at the keyboard, to be written beside what was decided.

In:  the process' user and machine. Out: user@host.
"""

from __future__ import annotations

import getpass
import socket


def who_am_i() -> str:
    """Name the person at the keyboard, as user@host."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in containers
        user = "somebody"
    return f"{user}@{socket.gethostname()}"

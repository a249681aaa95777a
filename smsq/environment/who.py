"""Who is at the keyboard, to be written beside what was decided.

In:  the process' user and machine. Out: user@host.
"""

from __future__ import annotations

import os
import socket

#: Longest name; hosts and users have half as much each.
_MOST = 100


def who_am_i() -> str:
    """Name the person at the keyboard, as user@host.

    It is who the system says it is: `$LOGNAME` says what anybody wrote into it.
    """
    name = f"{_user()}@{socket.gethostname()}"
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:_MOST]


def _user() -> str:
    try:
        import pwd  # noqa: PLC0415  there is none on Windows

        uid = os.getuid()
    except (ImportError, AttributeError):
        return "somebody"
    try:
        return pwd.getpwuid(uid).pw_name or f"uid{uid}"
    except KeyError:  # a user id without a name, as in containers
        return f"uid{uid}"

"""Where a process listens: read and tried before it starts, so that a mistake is one sentence.

In:  $HOST and $PORT. Out: the address, or what to write instead.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping

import click

from smsq.cli.output import Exit

LOOPBACK = ("127.0.0.1", "localhost", "::1")

_MOST = 65535


class BadPort(click.ClickException):
    """No port at all."""

    exit_code = Exit.BAD_INPUT


def make_login() -> str:
    """Make a `user:password` that holds for as long as the processes run."""
    return f"you:{secrets.token_hex(8)}"


def read_address(
    default_port: int,
    *,
    host: str | None = None,
    port: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[str, int]:
    """Read where to listen, and see that it can be done.

    Args:
        default_port: Where $PORT is not set.
        host: In place of $HOST.
        port: In place of $PORT.
        environ: The variables of the process.

    Raises:
        ClickException: It cannot; exit code 2 for what is no port, 1 for one that is in use: that
            may pass, and `smsq up` tries again.
    """
    host = host or environ.get("HOST") or LOOPBACK[0]
    written = port or environ.get("PORT") or str(default_port)
    if not written.isdecimal() or int(written) > _MOST:
        raise BadPort(f"PORT is {written}: write a number up to {_MOST}")
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, int(written), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host}, port {written} ({error.strerror}): "
            "set another PORT, or another HOST"
        ) from None
    return host, int(written)

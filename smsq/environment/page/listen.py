"""Where the admin side of `smsq web` listens. Pure.

In:  `host:port`. Out: the address, or what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

DEFAULT_ADMIN_LISTEN = "127.0.0.1:8081"

_EXAMPLE = "write host and port, as in 127.0.0.1:8081 or [::1]:8081"
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on; port 0 is any that is free."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """True where only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        """Write it as the setting has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_listen(text: str) -> Listen:
    """Parse `host:port`; an IPv6 address stands in brackets.

    Raises:
        ValueError: It is none.
    """
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = port.isascii() and port.isdecimal() and int(port) <= _MOST_PORT
    is_bracketed = bare != host
    if not colon or not bare or not is_port or not bare.isascii() or not bare.isprintable():
        raise ValueError(_EXAMPLE)
    if (":" in bare) is not is_bracketed or any(c in bare for c in " /@?#[]"):
        raise ValueError(_EXAMPLE)
    return Listen(bare, int(port))

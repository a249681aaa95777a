"""Addresses of a Redis that sentinels watch over: taken apart, and written as Celery wants them.

In:  sentinel://user:password@host:26379,host,host/name/0?sentinel_password=... Out: its parts.

User and password are the ones of Redis. `name` is what the sentinels call the primary, `mymaster`
in most manuals; the number after it is the database.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from redis.backoff import NoBackoff
from redis.retry import Retry

SCHEME = "sentinel://"
#: As Redis' manual and its examples have it.
DEFAULT_PORT = 26379

EXAMPLE = (
    "write sentinels, the name that they have for the primary, and perhaps a database, as in "
    "sentinel://10.0.0.1:26379,10.0.0.2:26379,10.0.0.3:26379/mymaster/0"
)
#: Longest wait for one sentinel, when the broker is looked for.
BROKER_TIMEOUT_S = 0.3
_OPTIONS = ("sentinel_username", "sentinel_password")
_ADDRESS = re.compile(
    r"sentinel://(?:(?P<user>[^@/?#]*?)(?::(?P<password>[^@/?#]*))?@)?(?P<hosts>[^@/?#]+)"
    r"/(?P<name>[^/?#]+)(?:/(?P<db>\d{1,6})?)?(?:\?(?P<query>[^#]*))?"
)
_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]%,]+)(?::(?P<port>\d{1,5}))?")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class SentinelAddress:
    """What an address says.

    Attributes:
        hosts: Host and port of each sentinel.
        name: The primary's, as the sentinels have it.
        login: `username` and `password` of Redis, those that there are.
        sentinel_login: The same of the sentinels.
    """

    hosts: Sequence[tuple[str, int]]
    name: str
    db: int = 0
    login: dict[str, str] = field(default_factory=dict, repr=False)
    sentinel_login: dict[str, str] = field(default_factory=dict, repr=False)


def is_sentinel(address: str) -> bool:
    """Say whether an address names sentinels."""
    return address.startswith(SCHEME)


def read_sentinels(address: str) -> SentinelAddress:
    """Take an address apart.

    Raises:
        ValueError: It says what to write instead.
    """
    found = _ADDRESS.fullmatch(address)
    if not found or not address.isprintable() or not _NAME.fullmatch(unquote(found["name"])):
        raise ValueError(EXAMPLE)
    login = {"username": found["user"], "password": found["password"]}
    return SentinelAddress(
        hosts=[_read_host(one) for one in found["hosts"].split(",")],
        name=unquote(found["name"]),
        db=int(found["db"] or 0),
        login={name: unquote(value) for name, value in login.items() if value},
        sentinel_login=_read_options(found["query"] or ""),
    )


def _read_host(text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if not found or not 0 < port < 1 << 16:
        raise ValueError(EXAMPLE)
    return found["host"].strip("[]"), port


def _read_options(query: str) -> dict[str, str]:
    options = parse_qsl(query, keep_blank_values=True)
    known = ", ".join(_OPTIONS)
    if len(options) != len(dict(options)) or not {name for name, _ in options} <= {*_OPTIONS}:
        raise ValueError(f"write each of these options once, or none: {known}")
    if not all(value for _, value in options):
        raise ValueError(f"write a value for each option: {known}")
    return {name.removeprefix("sentinel_"): value for name, value in options}


def celery_address(address: SentinelAddress) -> str:
    """Write it as kombu reads it: an address for each sentinel, the name apart."""
    user, password = (
        quote(address.login.get(one, ""), safe="") for one in ("username", "password")
    )
    login = f"{user}:{password}@" if user or password else ""
    hosts = [f"[{host}]" if ":" in host else host for host, _ in address.hosts]
    ports = [port for _, port in address.hosts]
    return ";".join(
        f"{SCHEME}{login}{host}:{port}/{address.db}"
        for host, port in zip(hosts, ports, strict=True)
    )


def celery_options(address: SentinelAddress) -> dict[str, Any]:
    """Write the transport options that belong to it: for our transport, and for Flower's client."""
    return {
        "sentinels": address,
        "master_name": address.name,
        "sentinel_kwargs": sentinel_client(address, timeout_s=BROKER_TIMEOUT_S),
    }


def sentinel_client(address: SentinelAddress, *, timeout_s: float) -> dict[str, Any]:
    """Write the options of a client of one sentinel; the next is asked where it is silent.

    Without these, redis-py asks a silent one eleven times, with pauses that grow.
    """
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        **address.sentinel_login,
    }

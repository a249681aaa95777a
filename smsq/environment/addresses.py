"""Addresses of Redis and of brokers: checked when settings are read, written for each client.

In:  an address. Out: the same, or a ValueError that says what to write; what Celery gets of it.

One address has two clients: redis-py for the ledger, kombu for the rings. They take other options
and have other defaults, so kombu never sees the options of an address: they are read here, once.
Nothing is connected; files with certificates are looked at.
"""

from __future__ import annotations

import re
import ssl
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from redis.connection import ConnectionPool

from smsq.environment.sentinels import (
    EXAMPLE,
    celery_address,
    celery_options,
    is_sentinel,
    read_sentinels,
)
from smsq.environment.tls import check_tls, read_tls

_REDIS_EXAMPLE = "write an address like redis://127.0.0.1:6379/0"
_BROKER_EXAMPLE = "write an address like redis://127.0.0.1:6379/0 or amqp://127.0.0.1"

#: A Redis database's number, after the host; none means 0.
_DATABASE = re.compile(r"/?|/\d{1,6}")
#: What a host may not hold, once it is decoded.
_BAD_HOST = re.compile(r"[\s\x00-\x1f/@]")
_MOST_SOCKET_PATH = 107

#: RabbitMQ's, as kombu calls them.
_AMQP_SCHEMES = frozenset({"amqp", "amqps", "pyamqp", "librabbitmq"})

_Options = dict[str, tuple[re.Pattern[str], str]]
_YES_OR_NO = (re.compile(r"true|false"), "true or false")
_ANY = (re.compile(r".+"), "a value")
_NUMBER = (re.compile(r"\d{1,6}"), "a whole number")
#: Options after the question mark of an address: what each may be, in a pattern and in words.
_REDIS_OPTIONS: _Options = {
    "client_name": (re.compile(r"[!-~]{1,100}"), "ASCII without spaces"),
    "db": _NUMBER,
    "health_check_interval": _NUMBER,
    "max_connections": (re.compile(r"[1-9]\d{0,5}"), "a whole number above 0"),
    # redis-py speaks 3 by itself; asked for it, it gives other answers.
    "protocol": (re.compile(r"2"), "2, or leave it out"),
    "socket_keepalive": _YES_OR_NO,
}
_TLS_OPTIONS: _Options = {
    "ssl_ca_certs": _ANY,
    "ssl_cert_reqs": (re.compile(r"none|optional|required"), "none, optional or required"),
    "ssl_certfile": _ANY,
    "ssl_check_hostname": _YES_OR_NO,
    "ssl_keyfile": _ANY,
}
_REDIS_TLS_OPTIONS: _Options = _TLS_OPTIONS | {
    "ssl_ca_path": _ANY,
    "ssl_ciphers": _ANY,
    "ssl_min_version": _NUMBER,
    "ssl_password": _ANY,
}
_SOCKET_OPTIONS: _Options = {"virtual_host": _NUMBER}
_AMQP_OPTIONS: _Options = {
    "heartbeat": _NUMBER,
    "login_method": (re.compile(r"[A-Z0-9-]{1,20}"), "a method like PLAIN"),
}
#: Options of redis-py's that would break a promise: that a call ends within 1 s, that no script
#: runs twice, that answers are text.
_SET_BY_US = frozenset(
    {"decode_responses", "encoding", "encoding_errors", "legacy_responses", "retry"}
    | {"retry_on_error", "retry_on_timeout", "socket_connect_timeout", "socket_timeout", "timeout"}
)
_CERT_REQS = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


def redis_url(text: str) -> str:
    """Check the address of a Redis, or of the sentinels that name it."""
    if is_sentinel(text):
        read_sentinels(text)
        _build(text, _REDIS_EXAMPLE)
        return text
    _refuse_tls_of_sentinels(text)
    parts = _split(text, _REDIS_EXAMPLE)
    if parts.scheme == "unix":
        is_good = _is_socket(parts)
    else:
        # redis-py takes what is no number for database 0, and another's keys for its own.
        is_good = parts.scheme in {"redis", "rediss"} and bool(_DATABASE.fullmatch(parts.path))
    if not is_good:
        raise ValueError(_REDIS_EXAMPLE)
    is_tls = parts.scheme == "rediss"
    _check_options(parts, _REDIS_OPTIONS | (_REDIS_TLS_OPTIONS if is_tls else {}))
    if is_tls:
        check_tls(read_tls(text))
    _build(text, _REDIS_EXAMPLE)
    return text


def broker_url(text: str) -> str:
    """Check the address of a broker: a Redis, or one RabbitMQ or more with `;` between them."""
    if text.startswith(("redis://", "rediss://", "unix://", "sentinel")):
        return redis_url(text)
    if text.startswith("redis+socket://"):
        parts = _split(text, _BROKER_EXAMPLE)
        if not _is_socket(parts):
            raise ValueError(_BROKER_EXAMPLE)
        _check_options(parts, _SOCKET_OPTIONS)
    elif text != "memory://":  # for tests within one process
        _check_rabbits(text)
    _build(text, _BROKER_EXAMPLE)
    return text


def broker_of(address: str) -> str:
    """Write a Redis' address as Celery wants it, with nothing but what concerns a broker."""
    if is_sentinel(address):
        return address
    parts = urlsplit(address)
    options = dict(parse_qsl(parts.query))
    if parts.scheme == "unix":
        query = f"?virtual_host={options['db']}" if "db" in options else ""
        return f"redis+socket://{parts.netloc}{parts.path}{query}"
    if parts.scheme not in {"redis", "rediss"} or not options:
        return address
    path = f"/{options['db']}" if "db" in options else parts.path
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return parts._replace(path=path, query=urlencode(tls)).geturl()


def broker_connection(address: str) -> dict[str, Any]:
    """Say as options of Celery's where the broker is, and how its certificate is checked.

    The ledger's client checks certificates unless it is told otherwise; kombu does not unless it
    is told to.
    """
    if is_sentinel(address):
        return {"broker_url": celery_address(read_sentinels(address))}
    address = broker_of(address)
    parts = urlsplit(address)
    if parts.scheme not in {"rediss", "amqps"}:
        return {"broker_url": address}
    options = dict(parse_qsl(parts.query))
    rest = {name: value for name, value in options.items() if not name.startswith("ssl_")}
    cert_reqs = _CERT_REQS[options.get("ssl_cert_reqs", "required")]
    if parts.scheme == "rediss":
        # redis-py is at work below kombu too, and takes what it has read itself.
        tls = read_tls(address) | {"ssl_cert_reqs": cert_reqs}
    else:
        names = ("ca_certs", "certfile", "keyfile")
        tls = {name: options[f"ssl_{name}"] for name in names if f"ssl_{name}" in options}
        tls["cert_reqs"] = cert_reqs
        if cert_reqs and options.get("ssl_check_hostname") != "false":
            tls["server_hostname"] = unquote(parts.hostname or "localhost")
    return {
        "broker_url": parts._replace(query=urlencode(rest)).geturl(),
        "broker_use_ssl": tls,
    }


def broker_transport(address: str) -> dict[str, Any]:
    """Say as transport options of Celery's what the address of a broker has no place for."""
    return celery_options(read_sentinels(address)) if is_sentinel(address) else {}


def _refuse_tls_of_sentinels(text: str) -> None:
    if text.startswith("sentinels://"):
        raise ValueError(f"sentinels are asked without TLS: write sentinel://; {EXAMPLE}")


def _check_rabbits(text: str) -> None:
    addresses = [_split(one, _BROKER_EXAMPLE) for one in text.split(";")]
    for parts in addresses:
        if parts.scheme not in _AMQP_SCHEMES or not parts.netloc:
            raise ValueError(_BROKER_EXAMPLE)
        is_tls = parts.scheme == "amqps"
        if is_tls and len(addresses) > 1:
            raise ValueError("write one amqps:// address: its host is compared with a certificate")
        _check_options(parts, _AMQP_OPTIONS | (_TLS_OPTIONS if is_tls else {}))
        if is_tls:
            check_tls(dict(parse_qsl(parts.query)))


def _split(text: str, example: str) -> SplitResult:
    """Take an address apart.

    Raises:
        ValueError: A client would trip over its host, its port or a letter.
    """
    try:
        parts = urlsplit(text)
        host = unquote(parts.hostname or "")
        is_good = parts.port != 0 and text.isprintable() and not _BAD_HOST.search(host)
        host.encode("idna")
    except ValueError:  # UnicodeError is one
        raise ValueError(example) from None
    if not is_good:
        raise ValueError(example)
    return parts


def _is_socket(parts: SplitResult) -> bool:
    path = unquote(parts.path)
    is_path = path.startswith("/") and path.isprintable()
    return is_path and not parts.hostname and len(path.encode()) <= _MOST_SOCKET_PATH


def _check_options(parts: SplitResult, known: _Options) -> None:
    if parts.fragment:
        raise ValueError("write # as %23")
    options = parse_qsl(parts.query, keep_blank_values=True)
    if len(options) != len(dict(options)):
        raise ValueError("write each option after the question mark once")
    for name, value in options:
        if name in _SET_BY_US:
            raise ValueError(f"leave {name} out: smsq sets it itself")
        if name not in known:
            raise ValueError(f"write no options after the question mark but {', '.join(known)}")
        pattern, words = known[name]
        if not pattern.fullmatch(value):
            raise ValueError(f"{name}: write {words}")


def _build(address: str, example: str) -> None:
    """Make what would connect, so that nothing of it can surprise later.

    Raises:
        ValueError: A client, or what it needs, refuses the address.
    """
    from kombu import Connection  # noqa: PLC0415 - see `Producer`

    try:
        if urlsplit(address).scheme in {"redis", "rediss", "unix"}:
            ConnectionPool.from_url(address).make_connection()
        options = broker_connection(address)
        with Connection(options["broker_url"], ssl=options.get("broker_use_ssl", False)) as made:
            _ = made.transport
    except Exception:  # noqa: BLE001 - of whatever kind: none may come up later
        raise ValueError(example) from None

"""System checks: what `manage.py check` says of smsq.

In:  Django's settings and the environment. Out: errors and warnings, each with what to do.
Nothing is connected: `manage.py smsq doctor` looks at Redis, the workers and the gateway.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from smsq.contrib.django.conf import read_environ
from smsq.errors import ConfigError
from smsq.settings import Settings

_LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]"}
_REDIS_CACHES = ("RedisCache",)
_CALL_GATEWAY = "smsq.contrib.django.two_factor.Gateway"


def check_settings(**_: object) -> list[CheckMessage]:
    """Check `settings.SMSQ` and what stands around it."""
    try:
        environ = read_environ()
        settings = Settings.from_env(environ)
    except ConfigError as error:
        return [_wrong(mistake) for mistake in error.mistakes]
    return [
        *_check_sender(settings),
        *_check_calls(),
        *_check_broker(environ),
        *_check_live(settings),
        *_check_caches(settings),
    ]


def _wrong(mistake: str) -> CheckMessage:
    return Error(
        mistake,
        hint="Correct it in settings.SMSQ, or the environment variable where SMSQ leaves it out; "
        "docs/settings.md lists all settings.",
        id="smsq.E002",
    )


def _check_sender(settings: Settings) -> Iterator[CheckMessage]:
    if not settings.alphaname_id:
        yield Error(
            "smsq has no sender: calls without alphaname_id will be refused.",
            hint='Write SMSQ = {"ALPHANAME_ID": "<your sender\'s id at the gateway>"}, or set '
            "SMSQ_ALPHANAME_ID. If each call names its sender, add smsq.E001 to "
            "SILENCED_SYSTEM_CHECKS.",
            id="smsq.E001",
        )


def _check_calls() -> Iterator[CheckMessage]:
    if getattr(django_settings, "TWO_FACTOR_CALL_GATEWAY", None) == _CALL_GATEWAY:
        yield Error(
            "smsq sends messages and makes no phone calls.",
            hint="Leave TWO_FACTOR_CALL_GATEWAY out; TWO_FACTOR_SMS_GATEWAY is right for smsq.",
            id="smsq.E003",
        )


def _check_broker(environ: Mapping[str, str]) -> Iterator[CheckMessage]:
    """Find a broker that is written down for Celery alone, as if smsq would read it."""
    has_redis = not environ.keys().isdisjoint({"SMSQ_REDIS_URL", "SMSQ_REDIS_URL_FILE"})
    if has_redis or not _has_celery_broker():
        return
    yield CheckWarning(
        "CELERY_BROKER_URL is set, but smsq does not read it: it uses the Redis on this machine.",
        hint='Write SMSQ = {"REDIS_URL": "redis://..."}, or set SMSQ_REDIS_URL: the Redis that '
        "the workers of smsq use.",
        id="smsq.W001",
    )


def _has_celery_broker() -> bool:
    names = ("CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL", "BROKER_URL")
    return any(os.environ.get(n) or getattr(django_settings, n, None) for n in names)


def _check_live(settings: Settings) -> Iterator[CheckMessage]:
    if django_settings.DEBUG and _is_live(settings):
        yield CheckWarning(
            "DEBUG is on, and messages go to real phones.",
            hint="For development write GATEWAY_URL of `smsq simulator` (http://127.0.0.1:8080) "
            "and a Redis of your own into SMSQ; in production turn DEBUG off.",
            id="smsq.W002",
        )


def _is_live(settings: Settings) -> bool:
    """Guess whether real phones get what is sent: from the gateway, or from whose Redis it is."""
    if getattr(settings, "sandbox", False):
        return False
    if settings.gateway_url:
        return settings.gateway_url.startswith("http") and not _is_near(settings.gateway_url)
    return not _is_near(settings.redis_url)


def _is_near(url: str) -> bool:
    """Say whether an address is on this machine, or one of a container beside it (no dots)."""
    host = urlsplit(url).hostname or ""
    return not host or host in _LOOPBACK or "." not in host


def _check_caches(settings: Settings) -> Iterator[CheckMessage]:
    """Find a cache in the ledger's database: `cache.clear()` would empty that."""
    ours = _place(settings.redis_url)
    caches: Mapping[str, Mapping[str, Any]] = getattr(django_settings, "CACHES", {})
    for alias, cache in caches.items():
        location = cache.get("LOCATION") or ""
        places = location if isinstance(location, list | tuple) else str(location).split(",")
        is_redis = str(cache.get("BACKEND", "")).endswith(_REDIS_CACHES)
        if is_redis and ours in {_place(str(each).strip()) for each in places}:
            yield CheckWarning(
                f"CACHES[{alias!r}] is in the Redis database in which smsq keeps its messages: "
                "cache.clear() deletes them.",
                hint="Give the cache a database of its own (redis://host:6379/1), best a server "
                "of its own: a cache may evict, smsq must not.",
                id="smsq.W003",
            )


def _place(url: str) -> tuple[str, int, str]:
    """Take what says which database it is: host, port, number."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return (
        "127.0.0.1" if host in _LOOPBACK else host,
        parts.port or 6379,
        parts.path.strip("/") or "0",
    )

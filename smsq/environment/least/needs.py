"""Which process needs which secret. Pure.

In:  the environment of a process. Out: the same without others' secrets.

A process that faces the internet, or shows pages, must have nothing worth stealing. All of them
need Redis: `SMSQ_REDIS_URL` and `SMSQ_BROKER_URL` stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Process(StrEnum):
    """The processes of an installation."""

    WORKER = "worker"
    BEAT = "beat"
    WEB = "web"
    FLOWER = "flower"


#: Secret → who needs it, and settings that are of no use without it.
NEEDS: Mapping[str, tuple[frozenset[Process], tuple[str, ...]]] = {
    "SMSQ_GATEWAY_TOKEN": (frozenset({Process.WORKER}), ()),
    "SMSQ_CALLBACK_SECRET": (frozenset({Process.WORKER, Process.WEB}), ("SMSQ_CALLBACK_URL",)),
    "SMSQ_WEBHOOK_SECRET": (frozenset({Process.WEB}), ("SMSQ_WEBHOOK_URL",)),
    "SMSQ_WEB_READERS": (frozenset({Process.WEB}), ()),
    "SMSQ_WEB_OPERATORS": (frozenset({Process.WEB}), ()),
    "FLOWER_BASIC_AUTH": (frozenset({Process.FLOWER}), ()),
}


def keep_own(process: Process, environ: Mapping[str, str]) -> dict[str, str]:
    """Copy an environment without the secrets that a process does not need, or their files."""
    foreign = set(_find_foreign(process))
    return {name: value for name, value in environ.items() if name not in foreign}


def _find_foreign(process: Process) -> Iterable[str]:
    for secret, (needed_by, also) in NEEDS.items():
        if process not in needed_by:
            yield from (secret, f"{secret}_FILE", *also)

"""Presence: which workers take rings, which gateway they send to, and which smsq they run.

Not which processes run: a deaf one runs too. All workers of a ledger send to one gateway; those of
another one are told so, for they would send this installation's messages there.

In:  how long ago a worker's consumer asked for rings. Out: the same, for every worker heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from redis import Redis

from smsq.environment.console import is_console
from smsq.store.clock import ledger_time
from smsq.store.keys import Keys

if TYPE_CHECKING:  # a health check only reads
    from smsq.store.scripts import Scripts

#: A consumer that lives asks at least once a second; one that did not for so long is deaf.
DEAF_AFTER_S = 10.0

#: A worker that was killed is told of for so long.
FORGET_AFTER_S = 900.0

#: Workers tell of themselves so often; where those of a gateway were silent for the longer time,
#: another gateway may take their place.
TELL_EVERY_S, GATEWAY_FREE_AFTER_S = 5.0, 15.0

#: Each time so many: versions are noted, workers long gone forgotten, and times to live put off.
TIDY_EVERY = 10

_PORTS = {"http": 80, "https": 443}


#: What a gateway's name ends with where the workers are in a sandbox.
_SANDBOX = " (sandbox)"


def name_gateway(url: str, *, is_sandbox: bool = False) -> str:
    """Name a gateway by its host and port, and say whether all may be sent to. Pure.

    Args:
        url: As in `SMSQ_GATEWAY_URL`.
        is_sandbox: `SMSQ_SANDBOX`: workers without it would send to those whom others withhold.
    """
    end = _SANDBOX if is_sandbox else ""
    if is_console(url):
        return f"console{end}"
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}{end}"


def names_sandbox(gateway: str) -> bool:
    """Say whether it is the name of a gateway with workers in a sandbox."""
    return gateway.endswith(_SANDBOX)


class Presence:
    """What the workers of one gateway say of themselves.

    Args:
        scripts: Of the ledger.
        gateway: As `name_gateway` says; empty only to leave.
        version: As `environment.version` says; empty for none told.
    """

    def __init__(self, scripts: Scripts, gateway: str = "", version: str = "") -> None:
        self._run = scripts.run
        self._gateway = gateway
        self._version = version
        self._told = 0

    def enter(self, worker: str) -> str:
        """Say that a worker wants to send to its gateway; see `tell`."""
        return self._tell(worker, "new", self._gateway)

    def tell(self, worker: str, age_s: float) -> str:
        """Say how long ago a worker's consumer asked for rings.

        Returns:
            Empty, or the name of another gateway whose workers use the ledger: this worker must not
            send, and nothing was noted of it.
        """
        return self._tell(worker, round(age_s * 1000), self._gateway)

    def leave(self, worker: str) -> None:
        """Say that a worker ended in order."""
        self._tell(worker, "", "")

    def _tell(self, worker: str, age_ms: int | str, gateway: str) -> str:
        forget_ms, free_ms = (round(s * 1000) for s in (FORGET_AFTER_S, GATEWAY_FREE_AFTER_S))
        is_tidying = self._told % TIDY_EVERY == 0 or not isinstance(age_ms, int)
        told = (worker, age_ms, forget_ms, gateway, free_ms, self._version, int(is_tidying))
        answer = str(self._run("presence", *told))
        self._told += isinstance(age_ms, int)
        return answer


@dataclass(frozen=True, slots=True)
class Running:
    """Which smsq a worker runs.

    Attributes:
        version: As `environment.version` says.
        for_s: Since it first told so.
    """

    version: str
    for_s: float


def read_presence(redis: Redis, keys: Keys) -> Mapping[str, float]:
    """Read how many seconds ago each worker's consumer asked for rings, by the ledger's clock."""
    now_ms = ledger_time(redis, keys).now_ms
    rows = cast(list[tuple[str, float]], redis.zrange(keys.workers, 0, -1, withscores=True))
    return {worker: max(0.0, (now_ms - at_ms) / 1000) for worker, at_ms in rows}


def read_versions(redis: Redis, keys: Keys) -> Mapping[str, Running]:
    """Read which smsq each worker runs; those older than this feature do not say."""
    now_ms = ledger_time(redis, keys).now_ms
    told = cast(dict[str, str], redis.hgetall(keys.versions))
    rows = {worker: value.partition(" ") for worker, value in told.items()}
    return {
        worker: Running(version, max(0.0, (now_ms - float(since_ms)) / 1000))
        for worker, (since_ms, _, version) in rows.items()
    }


def read_gateway(redis: Redis, keys: Keys) -> str:
    """Read which gateway the workers send to, as `name_gateway` says; empty when none told."""
    return str(redis.hget(keys.limiter, "gateway") or "")

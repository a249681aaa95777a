"""A campaign's brakes: paused, resumed, cancelled; a canary, and a bound on what may fail.

In:  what a caller wants. Out: the campaign's brake in the ledger, and its jobs brought in line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from smsq.errors import InvalidMessageError, NotFoundError
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import Kind
from smsq.names import Queue
from smsq.records.jobs import Due
from smsq.settings import Settings
from smsq.status.gathered_sends import check_id, show_id
from smsq.store.scripts import Scripts

#: Jobs that one call brings in line: more would block Redis for others.
SLICE = 100

#: Share of failed recipients that a canary stays below, unless the caller says otherwise.
MAX_FAILED = 0.1

_MOST_CANARY = 1_000_000
_PPM = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakePlan:
    """What a campaign shall watch by itself.

    Attributes:
        canary: Recipients that go first; 0 for none.
        max_failed_ppm: It stops when more of a million recipients fail; None for never.
    """

    canary: int = 0
    max_failed_ppm: int | None = None

    @classmethod
    def check(cls, canary: int | None, max_failed: float | None) -> Self:
        """Check what a caller wants.

        Args:
            canary: Recipients that go first; None for none.
            max_failed: 0.1 for a tenth; None for that with a canary, and for no bound without.

        Raises:
            InvalidMessageError: With every mistake found.
        """
        mistakes: list[Mistake] = []
        code = MistakeCode.OPTION_INVALID
        if canary is not None and not _is_whole(canary, 1, _MOST_CANARY):
            told = f"canary: write whole recipients, 1 to {_MOST_CANARY}"
            mistakes.append(Mistake(told, code, "canary"))
        if max_failed is not None and not _is_share(max_failed):
            told = "max_failed: write a share from 0 to 1, as 0.1 for 10 %"
            mistakes.append(Mistake(told, code, "max_failed"))
        if mistakes:
            raise InvalidMessageError(mistakes)
        if canary and max_failed is None:
            max_failed = MAX_FAILED
        return cls(
            canary=canary or 0,
            max_failed_ppm=None if max_failed is None else round(max_failed * _PPM),
        )

    def fields(self, settings: Settings) -> dict[str, str]:
        """Write it as fields that each job carries; its campaign takes them from the first."""
        if self.max_failed_ppm is None:
            return {}
        fields = {"max_failed_ppm": str(self.max_failed_ppm)}
        if self.canary:
            fields["canary"] = str(self.canary)
            fields["canary_horizon_ms"] = str(round(settings.poll_horizon_s * 1000))
        return fields


@dataclass(frozen=True, slots=True)
class Aligned:
    """Some of a campaign's jobs, brought in line.

    Attributes:
        told: What happened to it, for the log.
        is_first: These were its first jobs: that is news.
        is_left: More jobs are to be brought in line.
        due: Jobs to ring.
    """

    campaign_id: str
    told: str
    is_first: bool
    is_left: bool
    due: Sequence[Due]


class Brakes:
    """Brake moves. A failing Redis raises `redis.RedisError`; callers decide what that means.

    Each returns True when it changed something.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run
        self._redis, self._keys = scripts.redis, scripts.keys

    def pause(self, campaign_id: str, *, by: str) -> bool:
        """Hold back from now on what nobody has claimed."""
        return self._brake(campaign_id, "pause", by)

    def resume(
        self,
        campaign_id: str,
        *,
        by: str,
        max_failed_ppm: int | None = None,
        is_anyway: bool = False,
    ) -> bool:
        """Let it go on; the bound that stopped it is lifted, or replaced by `max_failed_ppm`."""
        bound = "" if max_failed_ppm is None else max_failed_ppm
        said = [] if max_failed_ppm is None else [f"max failed {max_failed_ppm / 10_000:g} %"]
        said += ["anyway"] if is_anyway else []
        return self._brake(campaign_id, "resume", by, bound, int(is_anyway), ", ".join(said))

    def cancel(self, campaign_id: str, *, by: str) -> bool:
        """Call off from now on what nobody has claimed."""
        return self._brake(campaign_id, "cancel", by)

    def align(self, campaign_id: str = "", *, limit: int = SLICE) -> Aligned | None:
        """Bring the next jobs of a campaign in line with its brake.

        Args:
            campaign_id: "" for any whose jobs are to be brought in line.
            limit: Most jobs in this call.

        Returns:
            What was done; None when there was nothing to do.
        """
        answer = self._run("align", campaign_id, limit)
        if not answer:
            return None
        found, told, is_first, is_left, rows = answer
        due = [Due(job_id, Kind(kind), Queue(priority)) for job_id, kind, priority in rows]
        return Aligned(found, told, bool(is_first), bool(is_left), due)

    def _brake(
        self,
        campaign_id: str,
        what: str,
        by: str,
        bound: str | int = "",
        is_anyway: int = 0,
        said: str = "",
    ) -> bool:
        answer = self._run("brake", check_id(campaign_id), what, by, bound, is_anyway, said)
        if answer[0] == "missing":
            raise NotFoundError(f"no campaign has the id {show_id(campaign_id)}")
        if answer[0] == "cancelled":
            told = f"campaign {campaign_id} is cancelled: enqueue a new one"
            raise InvalidMessageError([Mistake(told, MistakeCode.TOO_LATE, "campaign_id")])
        return bool(answer[0])


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1

"""What the app enqueues: codes, campaigns, messages for later and such that share a request.

In:  a load, a host. Out: as of bench/producer.py, from a thread on that host.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.net.hosts import Host
from bench.producer import Producer


@dataclass(slots=True)
class MixedProducer(Producer):
    """A web app that uses all there is.

    Attributes:
        host: Where it runs.
        later_s: So much later than now go those that have a time.
    """

    host: Host = field(kw_only=True)
    later_s: float = field(kw_only=True)
    _later: tuple[int, datetime] = field(default=(-1, datetime.min.replace(tzinfo=UTC)), init=False)

    def _run(self) -> None:
        self.host.enter()
        Producer._run(self)

    def _put(self, n: int, phones: list[str]) -> str:
        key, text = f"job {n}", f"code {n}"
        if self.load.is_campaign(n):
            return Producer._put(self, n, phones)
        match n % 10:
            case 1:
                return self.queue.send_quick(phones[0], text, key=key, priority="urgent")
            case 3:
                at = self._later_of(n)
                return self.queue.send_quick(phones[0], text, key=key, send_at=at)
            case 5 | 7:
                return self.queue.send_personal(phones[0], text, key=key)
            case _:
                return self.queue.send_quick(phones[0], text, key=key)

    def _later_of(self, n: int) -> datetime:
        """When the nth goes; the same for each repetition, or its key would have other content."""
        if self._later[0] != n:
            self._later = n, datetime.now(UTC) + timedelta(seconds=self.later_s)
        return self._later[1]

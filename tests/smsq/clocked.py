"""A ledger whose Redis has a clock that is set now and then, and that a worker watches."""

from __future__ import annotations

from smsq.settings import Settings
from smsq.store.clock import Watch
from tests.smsq.world import World

HOUR_S, TEN_YEARS_S = 3_600, 10 * 365 * 86_400
STEPS_S = (-HOUR_S, HOUR_S, -TEN_YEARS_S, -0.2, -5, 5)

#: As in worker/clock_watch.py.
LOOK_EVERY_S = 1.0


class SteppedWorld(World):
    """`now_us` is the true time; what Redis' clock says is `stepped_s` more."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.stepped_s = 0.0
        self.scripts.watch = Watch(now_s=lambda: self.now_us / 1e6)
        self.scripts._clock = lambda: self.now_us + round(self.stepped_s * 1e6)
        self._look()

    def step(self, seconds: float) -> None:
        """Set Redis' clock."""
        self.stepped_s += seconds

    def pass_s(self, seconds: float) -> None:
        """Let time pass, in which the worker looks now and then."""
        super().pass_s(min(seconds, LOOK_EVERY_S))
        self._look()
        super().pass_s(max(0.0, seconds - LOOK_EVERY_S))
        self._look()

    def _look(self) -> None:
        assert self.scripts.watch
        self.scripts.watch.look(self.scripts.run)

"""Beat's ticks: one at a time is worked off, and none is sent that nobody would take.

In:  what beat is about to send, what a worker has in hand. Out: yes or no, by the ledger's clock.

A tick carries no time: the clocks of two machines would disagree about its age. One that comes too
soon after another costs one call.
"""

from __future__ import annotations

from smsq.store.scripts import Scripts

#: Beat's interval.
EVERY_S = 1.0

#: A tick so soon after another is superseded: they waited in the broker, or two beats run.
APART_S = 0.5

#: So many ticks that nobody took are sent at beat's interval; then the pauses double, up to the
#: longest. A day without workers leaves some 160 of each in the broker.
MANY, MOST_S = 5, 600.0


class Ticks:
    """What beat and workers ask about ticks. A failing Redis raises `redis.RedisError`."""

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run

    def may_send(self, task: str) -> bool:
        """Say whether another tick is of any use."""
        return bool(self._run("tick", task, "may", _ms(EVERY_S), MANY, _ms(MOST_S)))

    def note_sent(self, task: str) -> None:
        """Note that the broker has a tick more."""
        self._run("tick", task, "sent", 0)

    def take(self, task: str) -> bool:
        """Say whether a tick that came is worth its work; also shows beat that ticks are taken."""
        return bool(self._run("tick", task, "take", _ms(APART_S)))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

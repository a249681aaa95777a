"""Demand: whether one more thread should ask for a slot, from what is on its way. Pure.

In:  what the engine did. Out: yes or no.

The limiter spaces slots, so as many requests are on their way as rate times answer time asks for;
the capacity is only the ceiling. What waits beyond the slots at hand says whether to go on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto


class Step(Enum):
    """How far a thread is on its way to a request."""

    ASKING = auto()
    HOLDING = auto()
    CLAIMING = auto()


@dataclass(slots=True, kw_only=True)
class Demand:
    """What one process has on its way, and whether more may wait.

    Attributes:
        capacity: Most requests on their way at once, those that are being prepared included.
        is_wanted: Something may wait that no thread was sent for.
        threads: How many are at each step; one at most asks for a slot.
        on_their_way: Requests that are claimed and not settled yet.
    """

    capacity: int
    is_wanted: bool = False
    threads: Counter[Step] = field(default_factory=Counter)
    on_their_way: int = 0

    @property
    def allows_turn(self) -> bool:
        """True when a thread should ask for the next slot."""
        has_room = self.threads.total() + self.on_their_way < self.capacity
        return self.is_wanted and has_room and not self.threads[Step.ASKING]

    @property
    def is_asleep(self) -> bool:
        """True when nothing waits anywhere, as far as this process knows."""
        return not (self.is_wanted or self.threads.total())

    def ask(self) -> None:
        """Note that a thread asks: what is wanted from here on is wanted again."""
        self.is_wanted = False
        self.threads[Step.ASKING] += 1

    def hold(self, waiting: int) -> None:
        """Note that the thread that asked holds a slot, and how much waited when it got it.

        Each thread that still holds takes one of those. One that claims may have taken its own
        before they were counted.
        """
        self._go(Step.ASKING, Step.HOLDING)
        self.is_wanted = self.is_wanted or waiting > self.threads[Step.HOLDING]

    def claim(self) -> None:
        """Note that a thread that held is about to claim."""
        self._go(Step.HOLDING, Step.CLAIMING)

    def request(self, *, leaves_more: bool) -> None:
        """Note that a thread makes its request; a page of reports may leave the next in the line.

        It is one message there, so that how much waits does not tell of more pages.
        """
        self.threads[Step.CLAIMING] -= 1
        self.on_their_way += 1
        self.is_wanted = self.is_wanted or leaves_more

    def give_up(self, step: Step, *, is_wanted: bool) -> None:
        """Note that a thread goes without a claim; `is_wanted`: something may wait nevertheless."""
        self.threads[step] -= 1
        self.is_wanted = self.is_wanted or is_wanted

    def settle(self, *, brings_more: bool) -> None:
        """Note that a request was settled; `brings_more`: it may be in the line again."""
        self.on_their_way -= 1
        self.is_wanted = self.is_wanted or brings_more

    def _go(self, step: Step, next_step: Step) -> None:
        self.threads[step] -= 1
        self.threads[next_step] += 1

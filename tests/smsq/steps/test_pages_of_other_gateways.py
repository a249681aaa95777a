"""Gateways that give pages as they like: every state is learnt, with bounded requests."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from smsq.domain.backoff import PollSchedule
from smsq.gateway.reports import ReportPage
from smsq.models import JobState, RecipientState
from smsq.records.jobs import PollClaim
from smsq.settings import Settings
from smsq.steps.poll_page import store
from tests.smsq.world import ACCEPTED, PLAN, World

ASKED = 100
CAP = 10
#: Gives rows of a list at an offset, its way.
Gives = Callable[[Sequence[str], int], Sequence[str]]


class Gateway:
    """Reports of one message, polled on a clock that the test moves."""

    def __init__(self, settings: Settings, phones: int, gives: Gives, *, known: int = 0) -> None:
        self.world = World(settings)
        self.gives = gives
        self.offsets: list[int] = []
        self.rings: list[str] = []
        self.job = self.world.enqueue(phones=phones)
        self.world.claims.settle(self.world.claim(self.job), ACCEPTED, PLAN)
        ours = [f"37529{1234567 + i}" for i in range(phones)]
        self.list = ours[: known or phones]
        self.resources: Any = SimpleNamespace(
            settings=SimpleNamespace(page_rows=ASKED),
            polls=self.world.polls,
            poll_schedule=PollSchedule(first_s=5, max_s=43_200, horizon_s=259_200),
            rings=SimpleNamespace(ring=lambda _, refs, __: self.rings.extend(refs)),
        )

    def poll(self, *, in_hand: int = 3) -> int:
        """Wait for the next poll and read it, so many pages at once; returns its requests."""
        begun = len(self.offsets)
        pages = [self.wait()]
        while pages:
            while len(pages) < in_hand and (more := self.claim()):
                pages.append(more)
            self.answer(pages.pop())
            pages += [more for more in [self.claim()] if more]
        return len(self.offsets) - begun

    def wait(self) -> PollClaim:
        rows = cast(Any, self.world.redis.zrange(self.world.keys.polls, 0, -1, withscores=True))
        self.world.pass_s(max(0.0, (rows[0][1] - self.world.now_ms) / 1000))
        return self.world.claim_poll()

    def claim(self) -> PollClaim | None:
        claim = self.world.take()
        assert claim is None or isinstance(claim, PollClaim)
        return claim

    def answer(self, page: PollClaim) -> None:
        self.offsets.append(page.offset)
        self.world.pass_s(0.01)
        rows = self.gives(self.list, page.offset)
        store(self.resources, page, ReportPage([{"phone": p, "status": "delivered"} for p in rows]))

    @property
    def is_done(self) -> bool:
        return self.world.state(self.job) is JobState.DONE

    def delivered(self) -> int:
        stats = self.world.views.stats(1)
        return stats.recipients[RecipientState.DELIVERED]

    def oddity(self, name: str) -> int:
        return self.world.views.stats(1).oddities.get(name, 0)


@pytest.fixture
def make(settings: Settings) -> Iterator[Callable[..., Gateway]]:
    made: list[Gateway] = []

    def make_one(phones: int, gives: Gives, *, known: int = 0) -> Gateway:
        made.append(Gateway(settings, phones, gives, known=known))
        return made[-1]

    yield make_one
    for gateway in made:
        gateway.world.redis.close()


def capped(phones: Sequence[str], offset: int) -> Sequence[str]:
    return phones[offset : offset + CAP]


def whole(phones: Sequence[str], offset: int) -> Sequence[str]:
    return phones[offset : offset + ASKED]


def shuffled(dice: random.Random) -> Gives:
    def give(phones: Sequence[str], offset: int) -> Sequence[str]:
        return capped(dice.sample(phones, len(phones)), offset)

    return give


def of_any_length(dice: random.Random) -> Gives:
    def give(phones: Sequence[str], offset: int) -> Sequence[str]:
        return phones[offset : offset + dice.randint(1, CAP)]

    return give


@pytest.mark.parametrize("phones", [1, 9, 10, 11, 20, 25, 1000])
@pytest.mark.parametrize("in_hand", [1, 8])
def test_a_gateway_that_caps_its_pages_is_read_to_its_end_in_one_poll(
    make: Callable[..., Gateway], phones: int, in_hand: int
) -> None:
    gateway = make(phones, capped)
    requests = gateway.poll(in_hand=in_hand)

    assert gateway.is_done
    assert requests == math.ceil(phones / CAP)
    assert sorted(gateway.offsets) == list(range(0, phones, CAP))


def test_a_hundred_capped_and_shuffled_pages_are_read_in_a_few_passes(
    make: Callable[..., Gateway],
) -> None:
    """A pass hears of two thirds of the others; one that hears of nobody new is the poll's last."""
    gateway = make(1000, shuffled(random.Random(14)))
    requests = [gateway.poll(in_hand=8)]
    assert gateway.delivered() >= 995
    while not gateway.is_done:
        requests.append(gateway.poll(in_hand=8))

    assert len(requests) <= 4
    assert sum(requests) <= 1500
    assert gateway.oddity("pages_repeated") == 0


def test_a_list_as_long_as_ours_of_other_phones_is_not_read_again(
    make: Callable[..., Gateway],
) -> None:
    gateway = make(100, capped)
    gateway.list = [*gateway.list[:50], *(f"37544{n:07d}" for n in range(50))]

    assert gateway.poll() <= 22
    assert gateway.poll() <= 11
    assert gateway.delivered() == 50


@pytest.mark.parametrize("in_hand", [1, 8])
def test_pages_of_any_length_are_read_without_gaps(
    make: Callable[..., Gateway], in_hand: int
) -> None:
    gateway = make(200, of_any_length(random.Random(1)))
    polls = 0
    while not gateway.is_done:
        assert gateway.poll(in_hand=in_hand) < 1000
        polls += 1
        assert polls < 5


@pytest.mark.parametrize("gives", [capped, whole])
@pytest.mark.parametrize("known", [5, 40, 60])
def test_a_list_shorter_than_ours_costs_a_poll_a_few_requests_more(
    make: Callable[..., Gateway], gives: Gives, known: int
) -> None:
    gateway = make(500, gives, known=known)
    pages = math.ceil(known / (CAP if gives is capped else ASKED))
    for _ in range(3):
        assert gateway.poll() <= pages + 5
        assert gateway.delivered() == known


def test_a_list_that_grows_is_read_in_large_pages_again(make: Callable[..., Gateway]) -> None:
    gateway = make(1000, whole, known=3)
    ours = [f"37529{1234567 + i}" for i in range(1000)]
    gateway.poll()
    for known in (3, 40, 333, 1000):
        gateway.list = ours[:known]
        assert gateway.poll(in_hand=8) <= known // ASKED + 9

    assert gateway.is_done


@pytest.mark.parametrize(
    "gives", [lambda phones, _: phones[:CAP], lambda phones, _: phones[:ASKED]]
)
def test_a_gateway_without_offsets_is_not_asked_for_the_same_page_on_and_on(
    make: Callable[..., Gateway], gives: Gives
) -> None:
    gateway = make(5000, gives)
    first = len(gives(gateway.list, 0))
    for n in range(3):
        assert gateway.poll(in_hand=8) <= 10
        assert gateway.delivered() == first
        assert gateway.oddity("pages_repeated") >= n + 1


def test_a_gateway_that_gives_the_whole_list_at_once_is_asked_once(
    make: Callable[..., Gateway],
) -> None:
    gateway = make(1000, lambda phones, _: phones)

    assert gateway.poll() == 1
    assert gateway.is_done


def test_a_gateway_that_gives_a_row_at_a_time_is_not_asked_for_ever(
    make: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.CAP", 1)
    gateway = make(1200, capped)

    assert 1000 <= gateway.poll(in_hand=8) <= 1020
    assert gateway.oddity("pages_tiny") >= 1


def test_rows_that_cannot_be_read_are_counted_and_told(make: Callable[..., Gateway]) -> None:
    gateway = make(3, capped)
    page = gateway.wait()
    rows = [{"phone": "375291234567", "status": "sent"}, {"number": 1}, {"phone": "x", "status": 1}]
    store(gateway.resources, page, ReportPage(rows))

    assert gateway.oddity("reports_unreadable") == 2

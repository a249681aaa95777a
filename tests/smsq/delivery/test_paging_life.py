"""One poll's pages in every order, with pages that break off, get lost, or come too late."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from smsq.models import JobState, ReportRow
from smsq.records.jobs import PollClaim
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile
from tests.smsq.world import ACCEPTED, PLAN

ROWS = 2


class PagingLife(Life):
    """One message; a gateway whose list may be shorter or longer than ours."""

    def __init__(self) -> None:
        super().__init__()
        self.job = ""
        self.pages: list[PollClaim] = []
        self.seen: set[tuple[int, int]] = set()
        #: Offsets that came back full since the poll's beginning, and where the list ended.
        self.full: set[int] = set()
        self.end: int | None = None

    @initialize(phones=st.sampled_from([1, 2, 5, 9, 12]), longer=st.integers(-3, 3))
    def start(self, phones: int, longer: int) -> None:
        self.job = self.world.enqueue(phones=phones)
        self.world.claims.settle(self.world.claim(self.job), ACCEPTED, PLAN)
        ours = [f"37529{1234567 + i}" for i in range(phones)]
        foreign = [f"37544{1234567 + i}" for i in range(max(0, longer))]
        self.list = (ours + foreign)[: phones + longer]
        self.world.pass_s(5)
        self.world.polls.find_due(limit=10)

    @property
    def ref(self) -> str:
        return f"{self.job}:1"

    @rule(times=st.integers(1, 4))
    def claim(self, times: int) -> None:
        for _ in range(times):
            page = self.world.take()
            if not isinstance(page, PollClaim):
                return
            assert (page.number, page.offset) not in self.seen, "one page twice in one poll"
            self.seen.add((page.number, page.offset))
            if page.is_first and page.offset == 0:
                self.full, self.end = set(), None
            self.pages.append(page)

    @property
    def newest(self) -> int:
        return max((number for number, _ in self.seen), default=0)

    @precondition(lambda self: self.pages)
    @rule(which=st.integers(0, 9), word=st.sampled_from(["sent"] * 9 + ["delivered"]))
    def come_back(self, which: int, word: str) -> None:
        page = self.pages.pop(which % len(self.pages))
        phones = self.list[page.offset : page.offset + ROWS]
        rows = [ReportRow(phone, word, None) for phone in phones]
        is_full = len(rows) == ROWS
        left = self.world.polls.apply_page(
            page,
            rows,
            next_offset=page.offset + ROWS if is_full else 0,
            next_in_s=None if is_full else 60,
        )
        if left is None:
            assert page.number != self.newest
        elif is_full:
            self.full.add(page.offset)
        else:
            self.end = min(page.offset, self.end if self.end is not None else page.offset)

    @precondition(lambda self: self.pages)
    @rule(which=st.integers(0, 9), pause_s=st.sampled_from([None, 10.0, 30.0]))
    def break_off(self, which: int, pause_s: float | None) -> None:
        page = self.pages.pop(which % len(self.pages))
        self.world.polls.apply_page(page, [], next_offset=page.offset, next_in_s=pause_s)

    @rule(order=st.permutations(range(6)), broken=st.sets(st.integers(0, 5), max_size=3))
    def sweep(self, order: list[int], broken: set[int]) -> None:
        """All pages at once, back in any order, some of them broken off."""
        self.claim(6)
        for n, place in enumerate(order):
            if self.pages and n in broken:
                self.break_off(place, 10.0)
            elif self.pages:
                self.come_back(place, "sent")
        self.pass_time(20.0)

    @precondition(lambda self: self.pages)
    @rule(which=st.integers(0, 9))
    def die(self, which: int) -> None:
        self.pages.pop(which % len(self.pages))
        self.pass_time(61.0)

    @rule(seconds=st.sampled_from([0.001, 5.0, 20.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        """Pages that are out may come back after their claim ended."""
        self.world.pass_s(seconds)
        self.world.polls.find_due(limit=10)

    @invariant()
    def it_is_never_forgotten(self) -> None:
        if not self.job:
            return
        polls, ready = self.world.keys.polls, self.world.keys.ready("poll")
        if self.world.state(self.job) is JobState.ACCEPTED:
            assert self.world.redis.zscore(polls, self.ref) is not None
        else:
            assert self.world.redis.exists(polls, ready) == 0

    @invariant()
    def a_poll_that_is_over_has_read_every_page(self) -> None:
        if self.end is None or self.world.state(self.job) is not JobState.ACCEPTED:
            return
        key = self.world.keys.message(self.job, 1)
        if self.world.redis.hmget(key, "poll_offset", "poll_number") == ["0", None]:
            assert self.full >= set(range(0, self.end, ROWS))

    def teardown(self) -> None:
        """From any state on, a gateway that answers ends the job within a few polls."""
        if self.job:
            self.list = [f"37529{1234567 + i}" for i in range(12)]
            self.end = None
            for _ in range(100):
                if self.world.state(self.job) is not JobState.ACCEPTED:
                    break
                self.claim(1)
                self.come_back(0, "delivered") if self.pages else self.pass_time(61.0)
            assert self.world.state(self.job) is JobState.DONE
        super().teardown()


@pytest.mark.machine
def test_no_page_is_read_twice_in_a_poll_or_left_out_of_it(settings: Settings) -> None:
    live(PagingLife, settings, profile(examples=13, on_fakeredis=2, steps=30, deep=93))

"""The pages of one poll: the first alone, the others side by side, the last one back decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from smsq.models import JobState, ReportRow
from smsq.records.jobs import PollClaim
from smsq.settings import Settings
from tests.smsq.world import ACCEPTED, PLAN, World

ROWS = 2
PAUSE_S = 10


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    made = World(settings)
    yield made
    made.redis.close()


def begin_poll(world: World, phones: int) -> tuple[str, PollClaim]:
    """A job that was accepted, its first page claimed."""
    job = world.enqueue(phones=phones)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    return job, world.claim_poll()


def rows_at(offset: int, count: int = ROWS) -> list[ReportRow]:
    return [ReportRow(f"37529{1234567 + offset + i}", "delivered", None) for i in range(count)]


def give_full(world: World, page: PollClaim) -> int | None:
    return world.polls.apply_page(
        page, rows_at(page.offset), next_offset=page.offset + ROWS, next_in_s=None
    )


def give_short(world: World, page: PollClaim, *, pause_s: float = 60) -> int | None:
    return world.polls.apply_page(page, [], next_offset=0, next_in_s=pause_s)


def break_off(world: World, page: PollClaim, *, pause_s: float | None = PAUSE_S) -> None:
    world.polls.apply_page(page, [], next_offset=page.offset, next_in_s=pause_s)


def take_pages(world: World) -> list[PollClaim]:
    """Every page that can be claimed now."""
    pages = []
    while claim := world.take():
        assert isinstance(claim, PollClaim)
        pages.append(claim)
    return pages


def rests_for_s(world: World) -> float:
    [(_, at_ms)] = cast(Any, world.redis.zrange(world.keys.polls, 0, -1, withscores=True))
    return (float(at_ms) - world.now_ms) / 1000


def test_the_first_page_is_read_alone(world: World) -> None:
    _, first = begin_poll(world, phones=6)
    assert first.is_first
    assert take_pages(world) == []


def test_after_a_full_first_page_all_others_can_be_read_at_once(world: World) -> None:
    _, first = begin_poll(world, phones=6)
    give_full(world, first)
    pages = take_pages(world)

    assert [page.offset for page in pages] == [2, 4]
    assert {page.number for page in pages} == {first.number}
    assert not any(page.is_first for page in pages)


def test_an_empty_first_page_ends_the_poll_with_one_request(world: World) -> None:
    _, first = begin_poll(world, phones=6)
    give_short(world, first)

    assert take_pages(world) == []
    assert rests_for_s(world) == 60


def test_pages_may_come_back_in_any_order(world: World) -> None:
    job, first = begin_poll(world, phones=6)
    give_full(world, first)
    second, third = take_pages(world)
    assert give_full(world, third) == 2
    assert world.state(job) is JobState.ACCEPTED
    assert give_full(world, second) == 0

    assert world.state(job) is JobState.DONE
    assert world.redis.exists(world.keys.polls, world.keys.ready("poll")) == 0


def test_the_last_page_that_comes_back_says_when_the_next_poll_is_due(world: World) -> None:
    _, first = begin_poll(world, phones=6)
    give_full(world, first)
    second, third = take_pages(world)
    give_short(world, third, pause_s=60)
    assert world.redis.exists(world.keys.ready("poll")) == 0
    world.pass_s(1)
    give_full(world, second)

    assert rests_for_s(world) == 59
    world.pass_s(59)
    again = world.claim_poll()
    assert (again.offset, again.is_first) == (0, True)
    assert again.number != first.number


@pytest.mark.parametrize("broken", [(4, 6), (6, 4)])
def test_the_lowest_page_that_broke_off_is_read_again(
    world: World, broken: tuple[int, int]
) -> None:
    _, first = begin_poll(world, phones=9)
    give_full(world, first)
    pages = {page.offset: page for page in take_pages(world)}
    assert sorted(pages) == [2, 4, 6, 8]
    break_off(world, pages[broken[0]], pause_s=30)
    give_short(world, pages[8])
    break_off(world, pages[broken[1]], pause_s=PAUSE_S)
    give_full(world, pages[2])

    assert rests_for_s(world) == 30
    world.pass_s(30)
    assert world.claim_poll().offset == 4


def test_no_more_pages_are_claimed_once_one_broke_off(world: World) -> None:
    _, first = begin_poll(world, phones=9)
    give_full(world, first)
    second = world.claim_poll()
    break_off(world, second)

    assert take_pages(world) == []
    assert rests_for_s(world) == PAUSE_S


def test_a_page_that_met_a_429_is_at_the_front_of_the_line_at_once(world: World) -> None:
    _, first = begin_poll(world, phones=9)
    give_full(world, first)
    second = world.claim_poll()
    break_off(world, second, pause_s=None)

    [again] = take_pages(world)
    assert again.offset == second.offset


@pytest.mark.parametrize("phones", [1, 2, 3, 8])
def test_a_list_without_end_is_read_one_page_further_than_ours(world: World, phones: int) -> None:
    page: PollClaim | None
    _, page = begin_poll(world, phones=phones)
    foreign = [ReportRow(f"37544{1234567 + i}", "sent", None) for i in range(ROWS)]
    offsets: list[int] = []
    while page is not None and len(offsets) < 20:
        offsets.append(page.offset)
        next_offset = page.offset + ROWS
        world.polls.apply_page(page, foreign, next_offset=next_offset, next_in_s=None)
        page = world.find_and_claim_poll()

    assert offsets == list(range(0, phones + ROWS, ROWS))
    assert rests_for_s(world) == 5
    assert world.views.stats(1).oddities["pages_beyond"] == 1
    world.pass_s(6)
    assert world.claim_poll().offset == 0


def test_a_poll_whose_worker_died_begins_anew_when_its_claim_ends(world: World) -> None:
    _, first = begin_poll(world, phones=9)
    give_full(world, first)
    second, *others = take_pages(world)
    for page in others:
        give_full(world, page)  # and nothing is heard of the second
    assert world.find_and_claim_poll() is None
    world.pass_s(61)
    anew = world.claim_poll()

    assert (anew.offset, anew.is_first) == (0, True)
    assert give_full(world, second) is None
    world.pass_s(61)  # and that worker dies too
    assert world.claim_poll().offset == 0


def test_polls_that_have_begun_come_first_and_take_turns(world: World) -> None:
    _, a = begin_poll(world, phones=9)
    _, b = begin_poll(world, phones=9)
    new = world.enqueue(phones=1)
    world.claims.settle(world.claim(new), ACCEPTED, PLAN)
    world.pass_s(5)
    world.polls.find_due(limit=10)
    for page in (b, a):
        give_full(world, page)
        world.pass_s(0.001)
    taken = []
    for _ in range(5):
        taken.append(world.claim_poll().ref)
        world.pass_s(0.001)

    assert taken == [b.ref, a.ref, b.ref, a.ref, b.ref]
    assert f"{new}:1" in [page.ref for page in take_pages(world)]

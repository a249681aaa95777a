"""Campaigns on their way into the line: whole or not at all, whoever dies when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError

from smsq.campaigns import staging
from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.errors import KeyConflictError, NotFoundError
from smsq.ledger.stored_id import StoredId
from smsq.models import JobState, MessageRequest, RecipientState
from smsq.records import packing
from smsq.records.jobs import Idempotency
from tests.conftest import HAS_REDIS
from tests.smsq.world import World

pytestmark = pytest.mark.long

KEY = "k" * 32
ONCE = Idempotency(key=KEY)
SALE = MessageRequest(name="Sale", alphaname_id="123", text="Half price", recipients={})
BILLS = MessageRequest(name="Bills", alphaname_id="123", text=None, recipients={})
PROFILE = hypothesis_settings(
    max_examples=60 if HAS_REDIS else 5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
messages = st.lists(st.tuples(st.booleans(), st.integers(1, 12)), min_size=1, max_size=3)

Messages = Sequence[tuple[bool, int]]


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that every campaign here is cut."""
    monkeypatch.setattr(staging, "LAUNCH_JOBS", 2)
    monkeypatch.setattr(packing, "SLICE_RECIPIENTS", 3)
    monkeypatch.setattr(packing, "_PIECE_TEXTS", 2)


def recipients_of(messages: Messages, first: int = 0) -> list[tuple[int, str, str | None]]:
    phones = (str(375290000000 + i) for i in range(first, 1000))
    return [
        (n, next(phones), f"You owe {i}" if is_personal else None)
        for n, (is_personal, size) in enumerate(messages)
        for i in range(size)
    ]


def draft_with(staging: Staging, *, most: int = 4, key: str = KEY) -> CampaignDraft:
    return CampaignDraft(
        staging,
        fields={"on_unknown": "hold"},
        max_recipients=most,
        key=key,
        earlier=staging.find_earlier(key) if key else None,
    )


def fill(draft: CampaignDraft, messages: Messages, first: int = 0) -> Iterator[None]:
    """Add recipient by recipient."""
    last = -1
    for n, phone, text in recipients_of(messages, first):
        if n != last:
            draft.start_message(BILLS if messages[n][0] else SALE)
        last = n
        draft.add(phone, text)
        yield


def send(staging: Staging, messages: Messages, **options: Any) -> StoredId:
    draft = draft_with(staging, **options)
    for _ in fill(draft, messages):
        pass
    return draft.commit(ONCE if draft.key else Idempotency())


def dying_staging(world: World, *, calls: int, is_answer_lost: bool) -> Staging:
    """A ledger that dies with one of its calls: before it was made, or before it was answered."""
    staging = Staging(world.scripts)
    left = iter(range(calls))

    def run(*args: Any, **options: Any) -> Any:
        is_last = next(left, None) is None
        answer = None if is_last and not is_answer_lost else world.scripts.run(*args, **options)
        if is_last:
            raise RedisConnectionError("dead")
        return answer

    staging._run = run
    return staging


def launch_forgotten(world: World) -> int:
    return sum(map(len, world.staging.launch_forgotten()))


def check_whole(
    world: World, campaign: str, messages: Messages, *, most: int, first: int = 0
) -> None:
    """The campaign is in line, each recipient once; nothing else is, or will be."""
    world.pass_s(packing.STAGE_TTL_MS / 1000 + 1)
    while world.staging.sweep():
        pass
    expected = [phone for _, phone, _ in recipients_of(messages, first)]
    job_ids = world.views.job_ids(campaign)
    assert sorted(r.phone for r in world.views.recipients(campaign)) == sorted(expected)
    assert len(job_ids) == -(-len(expected) // most)
    ready = world.redis.zrange(world.keys.ready("bulk"), 0, -1)
    assert sorted(ready) == sorted(job_ids)
    stats, status = world.views.stats(10), world.views.status(campaign)
    assert stats.jobs[JobState.QUEUED] == sum(stats.jobs.values()) == len(job_ids)
    assert stats.recipients[RecipientState.PENDING] == len(expected)
    assert status.counts == {RecipientState.PENDING: len(expected)}
    jobs = {key.rsplit(":", 1)[1] for key in world.redis.scan_iter(f"{world.keys.job('')}*")}
    assert jobs == set(job_ids)
    left = {key.split(":")[1] for key in world.redis.scan_iter(f"{world.keys.namespace}:*")}
    assert not left & {"draft", "drafts", "staged", "launching"}


def test_a_job_that_was_left_half_staged_is_none_of_its_campaign(world: World) -> None:
    """Until it is swept, nobody can see it, or cancel it at the cost of the campaign's counts."""
    with suppress(RedisConnectionError):
        send(dying_staging(world, calls=1, is_answer_lost=False), [(False, 4)])
    [half] = [key.rsplit(":", 1)[1] for key in world.redis.scan_iter(f"{world.keys.job('')}*")]
    campaign = send(world.staging, [(False, 4)])

    assert half not in world.views.job_ids(campaign)
    for look in (world.views.status, world.ledger.cancel):
        with pytest.raises(NotFoundError):
            look(half)
    check_whole(world, campaign, [(False, 4)], most=4)


def clear(world: World) -> None:
    for key in world.redis.scan_iter(f"{world.keys.namespace}:*", count=1000):
        world.redis.delete(key)


@PROFILE
@given(
    messages,
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=4),
    st.booleans(),
)
def test_a_campaign_is_whole_however_often_its_producer_dies(
    world: World, messages: Messages, most: int, deaths: list[tuple[int, bool]], is_swept: bool
) -> None:
    clear(world)
    for calls, is_answer_lost in deaths:
        staging = dying_staging(world, calls=calls, is_answer_lost=is_answer_lost)
        try:
            send(staging, messages, most=most)
        except RedisConnectionError:
            world.pass_s(1)
    if is_swept:
        world.pass_s(packing.STAGE_TTL_MS / 1000 + 1)
        world.staging.sweep()

    campaign = send(world.staging, messages, most=most)

    assert send(world.staging, messages, most=most) == campaign
    check_whole(world, campaign, messages, most=most)


@pytest.mark.parametrize("is_answer_lost", [True, False])
@pytest.mark.parametrize("calls", range(9))
def test_a_producer_may_die_with_any_of_its_calls(
    world: World, calls: int, is_answer_lost: bool
) -> None:
    # Three jobs, staged in five calls; the commit; two launches.
    messages = [(False, 12)]
    with suppress(RedisConnectionError):
        send(dying_staging(world, calls=calls, is_answer_lost=is_answer_lost), messages, most=5)
    campaign = send(world.staging, messages, most=5)

    check_whole(world, campaign, messages, most=5)


@pytest.mark.parametrize("size", [10, 15])
@pytest.mark.parametrize("begun", range(4))
@pytest.mark.parametrize("calls", range(9))
def test_a_producer_may_be_overtaken_with_any_of_its_calls(
    world: World, calls: int, begun: int, size: int
) -> None:
    """The other one, who may have fewer rows, does all its work between two calls of this one."""
    with suppress(RedisConnectionError):
        send(dying_staging(world, calls=begun, is_answer_lost=False), [(False, 15)], most=5)
    done: list[tuple[int, StoredId]] = []

    def finish(staging: Staging, size: int) -> None:
        with suppress(KeyConflictError):
            done.append((size, send(staging, [(False, size)], most=5)))

    slow = Staging(world.scripts)
    left = iter([*range(calls), None, *range(1000)])

    def run(*args: Any, **options: Any) -> Any:
        if next(left) is None:
            finish(world.staging, size)
        return world.scripts.run(*args, **options)

    slow._run = run
    finish(slow, 15)

    [(whole, campaign)] = [(size, one) for size, one in done if one.is_new]
    assert {one for _, one in done} == {campaign}
    check_whole(world, campaign, [(False, whole)], most=5)


def test_two_producers_do_not_fill_one_job_together(world: World) -> None:
    messages = [(False, 4)]
    slow = Staging(world.scripts)
    calls = iter(range(100))

    def run(*args: Any, **options: Any) -> Any:
        if next(calls) == 1:  # between the two slices of a job, the other one stores its first
            with suppress(RedisConnectionError):
                send(dying_staging(world, calls=1, is_answer_lost=False), messages)
        return world.scripts.run(*args, **options)

    slow._run = run
    with pytest.raises(KeyConflictError, match="another producer"):
        send(slow, messages)
    campaign = send(world.staging, messages)

    check_whole(world, campaign, messages, most=4)


@PROFILE
@given(messages, st.lists(st.booleans(), max_size=60), st.integers(0, 1), st.booleans())
def test_of_two_producers_with_one_key_one_wins_and_the_other_is_told(
    world: World, messages: Messages, turns: list[bool], begun: int, is_same: bool
) -> None:
    """Both take their turns, with the same recipients or others, where a third one died."""
    clear(world)
    with suppress(RedisConnectionError):
        send(dying_staging(world, calls=begun, is_answer_lost=False), messages)
    drafts = [draft_with(world.staging), draft_with(world.staging)]
    firsts = [0, 0 if is_same else 500]
    at_work = {n: fill(draft, messages, firsts[n]) for n, draft in enumerate(drafts)}
    campaigns: list[tuple[int, StoredId]] = []
    told: list[str] = []
    for n in [int(turn) for turn in turns] + [0, 1] * (len(recipients_of(messages)) + 1):
        if n not in at_work:
            continue
        try:
            if next(at_work[n], "end") == "end":
                del at_work[n]
                campaigns.append((n, drafts[n].commit(ONCE)))
        except KeyConflictError as conflict:
            at_work.pop(n, None)
            told.append(str(conflict))

    assert len(campaigns) + len(told) == 2
    assert [one.is_new for _, one in campaigns] == [True, False][: len(campaigns)]
    assert len({campaign for _, campaign in campaigns}) == 1
    winner, campaign = campaigns[0]
    check_whole(world, campaign, messages, most=4, first=firsts[winner])


@pytest.mark.parametrize("calls", range(4, 8))
def test_what_is_decided_is_launched_by_recover_where_its_producer_died(
    world: World, calls: int
) -> None:
    # Three jobs of two slices each stand in six calls, the commit is the seventh.
    messages = [(False, 12)]
    dying = dying_staging(world, calls=calls, is_answer_lost=False)
    try:
        send(dying, messages, most=4, key="")
        is_decided = True
    except RedisConnectionError:
        is_decided = False

    assert is_decided is (calls == 7)
    assert launch_forgotten(world) == 0  # the producer may be at it yet
    assert world.views.stats(10).jobs[JobState.QUEUED] == 3 * is_decided
    world.pass_s(6)
    assert launch_forgotten(world) == 3 * is_decided
    world.pass_s(6)
    assert launch_forgotten(world) == 0
    assert world.redis.zcard(world.keys.ready("bulk")) == 3 * is_decided


def test_a_campaign_that_is_decided_shows_all_its_recipients(world: World) -> None:
    with pytest.raises(RedisConnectionError):
        send(dying_staging(world, calls=6, is_answer_lost=True), [(False, 12)])
    campaign = world.staging.find_earlier(KEY)

    assert campaign is not None
    status = world.views.status(campaign.campaign)
    assert (status.state, status.counts) == (JobState.QUEUED, {RecipientState.PENDING: 12})
    assert world.take() is None  # none of it is in line


def test_what_is_cancelled_before_its_launch_is_never_sent(world: World) -> None:
    with pytest.raises(RedisConnectionError):
        send(dying_staging(world, calls=6, is_answer_lost=True), [(False, 12)])
    earlier = world.staging.find_earlier(KEY)
    assert earlier is not None
    cancelled, *others = world.views.job_ids(earlier.campaign)
    assert world.ledger.cancel(cancelled) is JobState.CANCELLED
    world.pass_s(6)
    launch_forgotten(world)

    assert world.state(cancelled) is JobState.CANCELLED
    assert sorted(world.redis.zrange(world.keys.ready("bulk"), 0, -1)) == sorted(others)
    stats = world.views.stats(10)
    assert (stats.jobs[JobState.QUEUED], stats.jobs[JobState.CANCELLED]) == (2, 1)


def test_what_is_not_decided_cannot_be_cancelled_or_seen(world: World) -> None:
    draft = draft_with(world.staging)
    for _ in fill(draft, [(False, 12)]):
        pass

    assert len(draft.job_ids) == 3
    assert world.scripts.run("cancel", draft.job_ids[0], "") == "missing"
    assert sum(world.views.stats(10).recipients.values()) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"messages": [(False, 11)]},
        {"messages": [(True, 12)]},
        {"messages": [(False, 3)]},
        {"messages": [(False, 6), (False, 6)]},
        {"fields": {"on_unknown": "resend"}},
    ],
    ids=["fewer", "texts", "shorter", "cut", "options"],
)
def test_a_draft_goes_on_only_with_what_it_began_with(world: World, other: dict[str, Any]) -> None:
    with pytest.raises(RedisConnectionError):
        send(dying_staging(world, calls=6, is_answer_lost=False), [(False, 12)])
    draft = draft_with(world.staging)
    if "fields" in other:
        earlier = world.staging.find_earlier(KEY)
        draft = CampaignDraft(world.staging, max_recipients=4, key=KEY, earlier=earlier, **other)

    def go_on() -> None:
        for _ in fill(draft, other.get("messages", [(False, 12)])):
            pass
        draft.commit(ONCE)

    with pytest.raises(KeyConflictError, match="begun with this key"):
        go_on()

    assert send(world.staging, [(False, 12)]).is_new  # nothing is spoilt


def test_a_draft_keeps_its_size_of_jobs_and_says_what_was_there(world: World) -> None:
    with pytest.raises(RedisConnectionError):
        send(dying_staging(world, calls=4, is_answer_lost=False), [(False, 12)], most=4)
    draft = draft_with(world.staging, most=100)

    assert draft.resumed == 8
    for _ in fill(draft, [(False, 12)]):
        pass
    campaign = draft.commit(ONCE)
    check_whole(world, campaign, [(False, 12)], most=4)


def test_a_discarded_draft_is_taken_away_at_once(world: World) -> None:
    draft = draft_with(world.staging, key="")
    for _ in fill(draft, [(False, 12)]):
        pass
    draft.discard()

    assert [world.staging.sweep() for _ in range(3)] == [2, 2, 0]
    assert list(world.redis.scan_iter(f"{world.keys.namespace}:*")) == []


def test_nobody_discards_what_another_producer_is_at_work_on(world: World) -> None:
    first, second = draft_with(world.staging), draft_with(world.staging)
    for _ in fill(first, [(False, 12)]):
        pass
    second.discard()

    assert first.commit(ONCE).is_new

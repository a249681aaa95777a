"""Times belong to messages: what shares a request with one neither delays nor hurries it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.intake.new_jobs import new_job_id
from smsq.models import JobState, Kind, MessageRequest, RecipientState
from smsq.names import Queue
from smsq.records.jobs import Claim, Idempotency, NewJob
from tests.conftest import HAS_REDIS
from tests.smsq.rules.test_rules import set_rules
from tests.smsq.world import PLAN, World

DAY_S = 86_400
ACCEPTED = Verdict(state=JobState.ACCEPTED)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def message(starts_at_ms: int, phone: int) -> MessageRequest:
    local = datetime.fromtimestamp(starts_at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return MessageRequest(
        name=f"Sale {phone}",
        alphaname_id="1",
        text="Half price",
        recipients={str(phone): None},
        schedule_time=local if starts_at_ms else None,
        starts_at_ms=starts_at_ms,
    )


def put(world: World, messages: Sequence[MessageRequest]) -> str:
    """Store one job of these messages, as campaigns before the update were cut."""
    latest_ms = max(one.starts_at_ms for one in messages)
    job = NewJob(
        id=new_job_id(),
        kind=Kind.BULK,
        priority=Queue.BULK,
        fields={"on_unknown": "hold", "starts_at_ms": str(latest_ms)},
        messages=messages,
    )
    world.ledger.enqueue(job, Idempotency())
    return job.id


def starts(world: World, ahead_s: Sequence[int]) -> list[int]:
    return [world.now_ms + s * 1000 if s else 0 for s in ahead_s]


def accept_all(world: World) -> None:
    """Have every job accepted, and the ids of its messages told."""
    while isinstance(claim := world.take(), Claim):
        world.claims.settle(claim, ACCEPTED, PLAN)
        ids = {n: 500 + n for n in range(1, len(claim.messages) + 1)}
        world.polls.apply_receipt(claim.job_id, b"{}", ids, unmatched=0, plan=PLAN)


def first_poll_s(world: World, job: str, n: int) -> float:
    """Seconds until a message is polled first."""
    due_ms = world.redis.zscore(world.keys.polls, f"{job}:{n}")
    assert due_ms is not None
    return (float(due_ms) - world.now_ms) / 1000


def given_up(world: World, job: str) -> list[bool]:
    """Whether polling has given each message up."""
    return [RecipientState.NO_REPORT in one.counts for one in world.views.status(job).messages]


def days_counted(world: World, phone: int) -> set[str]:
    """The days on which the cap counts something for a phone."""
    prefix = f"{world.keys.namespace}:cap:"
    return {
        str(key).removeprefix(prefix).split(":")[0]
        for key in world.redis.scan_iter(f"{prefix}*", count=1000)
        if int(str(world.redis.hget(str(key), str(phone)) or 0)) > 0
    }


def test_an_immediate_message_is_polled_at_once_beside_one_of_next_month(world: World) -> None:
    now, later = starts(world, [0, 30 * DAY_S])
    job = put(world, [message(now, 375291000001), message(later, 375291000002)])
    accept_all(world)

    assert first_poll_s(world, job, 1) == PLAN.first_ms / 1000
    assert 30 * DAY_S < first_poll_s(world, job, 2) <= 30 * DAY_S + 2 * PLAN.first_ms / 1000


def test_each_message_is_given_up_at_its_own_horizon_and_then_the_job_is_done(
    world: World,
) -> None:
    now, later = starts(world, [0, 30 * DAY_S])
    job = put(world, [message(now, 375291000001), message(later, 375291000002)])
    accept_all(world)
    world.pass_s(PLAN.horizon_ms / 1000 - 1)
    world.recover()
    assert given_up(world, job) == [False, False]

    world.pass_s(1)
    world.recover()
    assert given_up(world, job) == [True, False]
    assert world.state(job) is JobState.ACCEPTED
    assert world.redis.zscore(world.keys.polls, f"{job}:1") is None

    world.pass_s(30 * DAY_S)
    world.recover()
    assert given_up(world, job) == [True, True]
    assert world.state(job) is JobState.DONE


def test_an_operator_who_tells_the_id_of_a_message_of_next_month_has_nothing_polled_before(
    world: World,
) -> None:
    now, later = starts(world, [0, 30 * DAY_S])
    job = put(world, [message(now, 375291000001), message(later, 375291000002)])
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.scripts.run(
        "learn_ids", job, '{"1": "501", "2": "502"}', "operator: attach", "", 0,
        PLAN.horizon_ms, PLAN.first_ms, "", "",
    )  # fmt: skip

    assert first_poll_s(world, job, 1) == 0
    assert first_poll_s(world, job, 2) >= 30 * DAY_S


def test_an_immediate_message_counts_for_the_cap_of_today(world: World) -> None:
    set_rules(world, cap=1)
    world.go_to("2026-11-24T12:00")
    now, later = starts(world, [0, 30 * DAY_S])
    world.claim(put(world, [message(now, 375291000001), message(later, 375291000002)]))

    assert days_counted(world, 375291000001) == {"20261124"}
    assert days_counted(world, 375291000002) == {"20261224"}


@settings(max_examples=40 if HAS_REDIS else 5, deadline=None, suppress_health_check=SLOW)
@given(
    ahead_s=st.lists(
        st.sampled_from([0, 60, 3600, DAY_S, 3 * DAY_S, 30 * DAY_S]), min_size=1, max_size=5
    ),
    late_s=st.sampled_from([0, 90, 2 * DAY_S]),
)
def test_a_message_fares_in_any_company_as_it_would_alone(
    world: World, ahead_s: list[int], late_s: int
) -> None:
    set_rules(world, cap=1000)
    at_ms = starts(world, ahead_s)
    alone = [put(world, [message(at, 375291000000 + n)]) for n, at in enumerate(at_ms)]
    together = put(world, [message(at, 375292000000 + n) for n, at in enumerate(at_ms)])
    world.pass_s(late_s)
    accept_all(world)

    for n, job in enumerate(alone):
        # Jobs that begin at one moment are spread over one more first pause.
        apart_s = first_poll_s(world, together, n + 1) - first_poll_s(world, job, 1)
        assert abs(apart_s) <= (PLAN.first_ms / 1000 if at_ms[n] > world.now_ms else 0)
    for n in range(len(alone)):
        assert days_counted(world, 375292000000 + n) == days_counted(world, 375291000000 + n)
    ended: set[str] = set()
    for ends_ms in sorted({max(world.now_ms, at) + PLAN.horizon_ms for at in at_ms}):
        world.pass_s((ends_ms - world.now_ms) / 1000)
        world.recover()
        # Some are gone by now: their retention is over.
        ended |= {job for job in alone if job not in ended and given_up(world, job)[0]}
        assert given_up(world, together) == [job in ended for job in alone]
    assert world.state(together) is JobState.DONE
    forget(world)


def forget(world: World) -> None:
    """Leave an empty ledger to the next example."""
    for key in world.redis.scan_iter(f"{world.keys.namespace}:*", count=1000):
        world.redis.delete(key)


def test_messages_for_different_times_go_in_jobs_of_their_own(world: World) -> None:
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=10)
    at_ms = starts(world, [0, 0, DAY_S, DAY_S, 0])
    for n, at in enumerate(at_ms):
        draft.start_message(message(at, 375291000000 + n))
        draft.add(str(375291000000 + n), None)
    draft.commit(Idempotency())

    taken = [world.take() for _ in draft.job_ids]
    by_job = {claim.job_id: claim for claim in taken if isinstance(claim, Claim)}
    claims = [by_job[job] for job in draft.job_ids]
    assert [len(claim.messages) for claim in claims] == [2, 2, 1]
    assert [claim.starts_at_s * 1000 for claim in claims] == [0, at_ms[2], 0]


def test_the_night_of_a_scheduled_message_holds_no_immediate_one_up(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T12:00")
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=10)
    for n, at in enumerate(starts(world, [0, 12 * 3600])):
        draft.start_message(message(at, 375291000000 + n))
        draft.add(str(375291000000 + n), None)
    draft.commit(Idempotency())

    claim = world.take()
    assert isinstance(claim, Claim)
    assert [part.schedule_time for part in claim.messages] == [None]
    assert world.take() is None


def test_an_id_that_comes_after_a_messages_own_horizon_still_brings_its_reports(
    world: World,
) -> None:
    now, later = starts(world, [0, 30 * DAY_S])
    job = put(world, [message(now, 375291000001), message(later, 375291000002)])
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    assert world.state(job) is JobState.ACCEPTED
    assert world.claim_poll().ref == f"{job}:1"

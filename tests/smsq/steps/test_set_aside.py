"""What cannot be prepared for its request steps aside, and the next in line goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from smsq.domain.account import Endpoint
from smsq.errors import BusyError
from smsq.models import BulkMessage, JobState
from smsq.operate.stuck_jobs import StuckJobs
from smsq.options import Priority
from smsq.pacing.slots import Slot
from smsq.queue import SmsQueue
from smsq.records.jobs import Question, Unprepared
from smsq.rules.rules import RuleBook
from smsq.settings import Settings
from smsq.simulator.server import RunningSimulator
from smsq.steps.recover import recover_due
from smsq.steps.resources import Resources
from tasks.current_resources import install
from tests.tasks.serving import serve

pytestmark = pytest.mark.long

PHONE = "37529123"

Spoil = Callable[[Resources, str], object]


@pytest.fixture
def resources(environ: dict[str, str]) -> Iterator[Resources]:
    made = Resources.build(
        Settings.from_env(environ | {"SMSQ_CAP_PER_DAY": "9"}, needs_gateway=True)
    )
    install(made)
    yield made
    made.stop.set()
    install(None)
    made.close()


def start_campaign(queue: SmsQueue, schedule_time: datetime | None = None) -> str:
    message = BulkMessage(
        name="Sale", text="Half price", phones=[f"{PHONE}4567"], schedule_time=schedule_time
    )
    [job] = queue._producer.views.job_ids(queue.send_bulk([message]))
    return job


def spoil_job(resources: Resources, job: str, field: str, value: str) -> None:
    resources.redis.hset(resources.keys.job(job), field, value)


def schedule_past_every_calendar(resources: Resources, job: str) -> None:
    for key in (resources.keys.job(job), resources.keys.message(job, 1)):
        resources.redis.hset(key, "starts_at_ms", "253402300799000")


def replace_key(resources: Resources, key: str) -> None:
    resources.redis.delete(key)
    resources.redis.set(key, "no hash")


#: Each makes a stored job such that no request can be made of it.
SPOILS: dict[str, Spoil] = {
    "a schedule past every calendar": schedule_past_every_calendar,
    "no number of messages": lambda r, job: spoil_job(r, job, "messages", "many"),
    "no number of claims": lambda r, job: spoil_job(r, job, "claims", "many"),
    "a kind that nobody knows": lambda r, job: spoil_job(r, job, "kind", "fax"),
    "no name": lambda r, job: r.redis.hdel(r.keys.message(job, 1), "name"),
    "no buckets": lambda r, job: r.redis.hdel(r.keys.message(job, 1), "buckets"),
    "no message": lambda r, job: r.redis.delete(r.keys.message(job, 1)),
    "recipients of another type": lambda r, job: replace_key(r, r.keys.recipients(job, 1, 0)),
    "a message of another type": lambda r, job: replace_key(r, r.keys.message(job, 1)),
    "a job of another type": lambda r, job: replace_key(r, r.keys.job(job)),
}


@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
@pytest.mark.parametrize("poisoned", [1, 3])
def test_what_cannot_be_prepared_holds_nobody_up(
    resources: Resources,
    queue: SmsQueue,
    simulator: RunningSimulator,
    spoil: Spoil,
    poisoned: int,
) -> None:
    jobs = [start_campaign(queue) for _ in range(poisoned)]
    for job in jobs:
        spoil(resources, job)
    priorities: list[Priority] = ["urgent", "normal", "bulk"]
    codes = [
        queue.send_quick(f"{PHONE}{1000 + i}", "code", priority=priority)
        for i, priority in enumerate(priorities * 7)
    ]
    healthy = [start_campaign(queue) for _ in range(2)]
    serve(resources, [*codes, *healthy])

    assert {queue.status(code).state for code in [*codes, *healthy]} == {JobState.ACCEPTED}
    assert len(simulator.accepted()) == len(codes) + 1
    if resources.redis.type(resources.keys.job(jobs[0])) == "hash":
        found = [
            resources.redis.hmget(resources.keys.job(job), "state", "attempts") for job in jobs
        ]
        assert found == [[JobState.WAITING, "0"]] * poisoned
    assert resources.redis.zrange(resources.keys.ready("bulk"), 0, -1) == []


def test_a_job_that_was_set_aside_says_why(resources: Resources, queue: SmsQueue) -> None:
    job = start_campaign(queue)
    schedule_past_every_calendar(resources, job)
    serve(resources, [job])

    status = queue.status(job)
    assert (status.state, status.attempts) == (JobState.WAITING, 0)
    assert status.error == "its rules cannot be looked up (OverflowError)"
    operator = StuckJobs.build(resources.settings)
    assert [(note.what, note.detail) for note in operator.timeline(job)][-1] == (
        "waiting",
        status.error,
    )
    operator.close()


def test_pauses_grow_to_an_hour_and_end_in_a_dead_job_that_can_be_retried(
    resources: Resources, queue: SmsQueue
) -> None:
    job = start_campaign(queue)
    key, pauses_s = resources.keys.job(job), []
    for _ in range(20):
        resources.claims.set_aside(Unprepared(job, None, "cannot be read"))
        now_s, _ = resources.redis.time()
        pauses_s.append(float(resources.redis.zscore(resources.keys.due, job) or 0) / 1000 - now_s)
        resources.redis.zadd(resources.keys.due, {job: 0})
        if queue.status(job).state is JobState.WAITING:
            resources.claims.recover(limit=10, max_attempts=8, plan=resources.poll_plan)

    assert 0 <= pauses_s[0] <= 3
    assert 1700 < pauses_s[-2] <= 3601
    assert all(later > 1.5 * pause for pause, later in pairwise(pauses_s[3:11]))
    status = queue.status(job)
    assert (status.state, status.attempts) == (JobState.DEAD, 0)
    assert status.error == "set aside 20 times: cannot be read"
    assert resources.redis.hget(key, "error_class") == "unprepared"


def test_a_question_that_no_answer_ends_sets_its_job_aside(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RuleBook, "_write_calendars", lambda *_: None)
    job = start_campaign(queue)
    code = queue.send_quick(f"{PHONE}4567", "code")
    serve(resources, [job, code])

    assert queue.status(code).state is JobState.ACCEPTED
    assert queue.status(job).state is JobState.WAITING


def test_only_the_claim_in_force_is_set_aside(resources: Resources, queue: SmsQueue) -> None:
    job = start_campaign(queue)

    assert resources.claims.set_aside(Unprepared(job, 7, "not ours")) == "stale"
    assert resources.claims.set_aside(Unprepared("jnope", None, "gone")) == "missing"
    assert queue.status(job).state is JobState.QUEUED


@pytest.mark.parametrize(
    "moment", [datetime(9999, 12, 31, tzinfo=UTC), datetime(2200, 1, 2, tzinfo=UTC)]
)
def test_a_date_that_means_never_is_refused(queue: SmsQueue, moment: datetime) -> None:
    with pytest.raises(ValueError, match="schedule_time is after 2199"):
        start_campaign(queue, schedule_time=moment)
    with pytest.raises(ValueError, match="send_at is after 2199"):
        queue.send_quick(f"{PHONE}4567", "code", send_at=moment)
    start_campaign(queue, schedule_time=datetime.now(UTC) + timedelta(days=300))


def test_a_due_job_that_cannot_be_moved_holds_no_other_up(
    resources: Resources, queue: SmsQueue
) -> None:
    broken = start_campaign(queue)
    waiting = start_campaign(queue)
    for job in (broken, waiting):
        resources.claims.set_aside(Unprepared(job, None, "later"))
        resources.redis.zadd(resources.keys.due, {job: 0})
    spoil_job(resources, broken, "messages", "many")
    _, due = resources.claims.recover(limit=10, max_attempts=8, plan=resources.poll_plan)

    assert waiting in [found.job_id for found in due]
    assert queue.status(waiting).state is JobState.QUEUED


def test_a_job_that_cannot_be_braked_holds_its_campaigns_others_up_no_longer(
    resources: Resources, queue: SmsQueue
) -> None:
    phones = [f"{PHONE}{n}" for n in range(1000, 1000 + 3 * 1000)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="Half price", phones=phones)])
    broken, *others = queue._producer.views.job_ids(campaign)
    replace_key(resources, resources.keys.job(broken))

    queue.pause(campaign)

    assert [queue.status(job).state for job in others] == [JobState.WAITING] * 2
    assert not resources.redis.hexists(resources.keys.campaign(campaign), "aligned")


def test_a_job_that_cannot_be_launched_holds_no_other_up(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones = [f"{PHONE}{n}" for n in range(1000, 1000 + 3 * 1000)]
    # As where the producer dies right after the commit.
    with monkeypatch.context() as dead:
        dead.setattr(type(resources.staging), "launch", lambda *_: ())
        campaign = queue.send_bulk([BulkMessage(name="Sale", text="Half price", phones=phones)])
    broken, *others = queue._producer.views.job_ids(campaign)
    replace_key(resources, resources.keys.job(broken))

    for _ in resources.staging.launch(campaign):
        pass

    assert [queue.status(job).state for job in others] == [JobState.QUEUED] * 2
    assert not resources.redis.hexists(resources.keys.campaign(campaign), "launched")


def test_a_job_of_a_draft_that_cannot_be_read_does_not_keep_the_draft(
    resources: Resources, queue: SmsQueue
) -> None:
    draft = queue._bulk.draft()
    [message] = [BulkMessage(name="Sale", text="Half price", phones=[])]
    draft.start_message(queue._producer.intake().check_head(message))
    for n in range(1000, 1000 + 2 * 1000):
        draft.add(f"{PHONE}{n}", None)
    replace_key(resources, resources.keys.job(draft.job_ids[0]))
    draft.discard()

    while resources.staging.sweep():
        pass

    assert not resources.redis.exists(resources.keys.staged(draft.id), "drafts")
    assert not resources.redis.exists(resources.keys.job(draft.job_ids[1]))


def test_a_campaign_that_cannot_be_judged_keeps_nobody_else_back(
    resources: Resources, queue: SmsQueue
) -> None:
    phones = [f"{PHONE}{n}" for n in range(1000, 1100)]
    sale = BulkMessage(name="Sale", text="Half price", phones=phones)
    broken = queue.send_bulk([sale], canary=60, max_failed=0.1)
    resources.redis.hdel(resources.keys.campaign(broken), "canary_until_ms")
    resources.redis.zadd(resources.keys.aligning, {broken: 1})
    other = queue.send_bulk([sale])
    queue.pause(other)
    resources.redis.hdel(resources.keys.campaign(other), "brake")
    resources.redis.hset(resources.keys.campaign(other), "aligned", 0)
    resources.redis.zadd(resources.keys.aligning, {other: 2})

    for _ in range(2):
        recover_due(resources)

    assert resources.redis.exists(resources.keys.heartbeat)
    assert queue.status(other).state is JobState.QUEUED


def test_a_job_of_another_type_does_not_stop_the_search_for_lost_ones(
    resources: Resources, queue: SmsQueue
) -> None:
    broken, waiting = start_campaign(queue), start_campaign(queue)
    replace_key(resources, resources.keys.job(broken))
    resources.redis.zadd(resources.keys.ready("bulk"), {broken: 1, waiting: 2})

    [(_, rows)] = resources.limiter.find_forgotten(limit=9)
    assert [job for job, _ in rows] == [waiting]


def test_a_wild_number_of_messages_keeps_no_process_busy(
    resources: Resources, queue: SmsQueue
) -> None:
    job = start_campaign(queue)
    spoil_job(resources, job, "messages", "1000000000")

    with pytest.raises(ValueError, match="no job has"):
        resources.rule_book.answer(Question(job_id=job))


def test_a_note_of_failures_that_cannot_be_read_is_begun_anew(
    resources: Resources, queue: SmsQueue
) -> None:
    job = queue.send_quick(f"{PHONE}4567", "code")
    spoil_job(resources, job, "aside", "busy|1")
    slot = resources.limiter.reserve()
    assert isinstance(slot, Slot)

    heard, _ = resources.limiter.hear(
        slot, BusyError("429", status=429), who=job, endpoint=Endpoint.QUICK
    )

    assert heard.times == 2

"""Message ids: from receipts new and kept, from an operator, and after the horizon."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from smsq.delivery.matching import Matching, guess_type
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.intake.new_jobs import new_job_id
from smsq.models import JobState, Kind, MessageRequest, RecipientState, ReportRow
from smsq.names import Queue
from smsq.operate.stuck_jobs import StuckJobs
from smsq.operate.unmatched import UnmatchedJobs
from smsq.records.jobs import Idempotency, NewJob
from smsq.settings import Settings
from smsq.status.timeline import Note
from tests.smsq.world import PLAN, UNKNOWN, World

BULK = Verdict(state=JobState.ACCEPTED, gateway_fields={"uuid": "u-1"})
PHONE = 375291234567


@pytest.fixture
def matching(world: World) -> Matching:
    return Matching(world.scripts, world.polls, PLAN)


@pytest.fixture
def operator(settings: Settings, world: World) -> UnmatchedJobs:
    made = UnmatchedJobs(settings, world.redis, by="olga@night")
    made._scripts = world.scripts
    made._matching = Matching(world.scripts, world.polls, PLAN)
    return made


def submit(world: World, *names: str, verdict: Verdict | None = BULK) -> str:
    """A bulk job with a message of one recipient for each name; settled unless told otherwise."""
    job = NewJob(
        id=new_job_id(),
        kind=Kind.BULK,
        priority=Queue.BULK,
        fields={"on_unknown": "hold"},
        messages=[
            MessageRequest(
                name=name, alphaname_id="123", text="hi", recipients={f"{PHONE + n}": None}
            )
            for n, name in enumerate(names)
        ],
    )
    world.ledger.enqueue(job, Idempotency())
    claim = world.claim(job.id)
    if verdict is not None:
        world.claims.settle(claim, verdict, PLAN)
    return job.id


def ids(world: World, job: str) -> list[int | None]:
    return [message.message_id for message in world.views.status(job).messages]


def take(matching: Matching, job: str, document: object) -> int:
    return matching.take_receipt(job, json.dumps(document).encode(), "application/json")


def test_a_kept_receipt_is_read_again_when_another_makes_it_clear(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale", "News")
    assert take(matching, job, {"message_ids": [7]}) == 0
    assert ids(world, job) == [None, None]

    assert take(matching, job, {"message_id": 5, "name": "Sale"}) == 1

    assert ids(world, job) == [5, 7]
    world.pass_s(5)
    assert set(world.polls.find_due(limit=9)) == {f"{job}:1", f"{job}:2"}
    steps = [note.what for note in timeline(world, job)]
    assert steps[-1] == "receipt read again"


def timeline(world: World, job: str) -> Sequence[Note]:
    operator = StuckJobs(
        Settings.from_env({"SMSQ_NAMESPACE": world.keys.namespace}), world.redis, by="me"
    )
    return operator.timeline(job)


def test_receipts_one_by_one_without_names_are_not_guessed(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale", "News")
    take(matching, job, {"message_id": 7})
    take(matching, job, {"message_id": 8})

    assert ids(world, job) == [None, None]


@pytest.mark.parametrize("order", [(5, 6), (6, 5)])
def test_ids_of_one_name_that_come_one_by_one_are_not_guessed(
    world: World, matching: Matching, operator: UnmatchedJobs, order: tuple[int, int]
) -> None:
    job = submit(world, "Sale", "Sale", "News")
    for message_id in order:
        assert take(matching, job, {"message_id": message_id, "name": "Sale"}) == 0
    take(matching, job, {"message_id": 7, "name": "News"})
    assert ids(world, job) == [None, None, 7]

    assert operator.attach(job, "#1", 5) == 1
    assert ids(world, job) == [5, 6, 7]


def test_ids_of_one_name_that_come_together_are_matched_by_order(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale", "Sale")
    take(matching, job, {"message_id": 6, "name": "Sale"})
    take(matching, job, [{"message_id": i, "name": "Sale"} for i in (5, 6)])

    assert ids(world, job) == [5, 6]


def test_of_two_receipts_at_once_the_second_replaces_no_id(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale", "News")
    world.polls.apply_receipt(job, b'{"message_id": 5}', {1: 5}, unmatched=0, plan=PLAN)
    world.polls.apply_receipt(job, b'{"message_id": 6}', {1: 6, 2: 7}, unmatched=0, plan=PLAN)

    assert ids(world, job) == [5, 7]
    assert matching.rematch(job) == 0


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(" Sale ", "Sale"), ("и\u0306", "й"), ("Bills" * 40, "Bills" * 20), ("Счёт", "????")],
)
def test_the_one_message_of_a_job_gets_the_one_id_whatever_its_name(
    world: World, matching: Matching, ours: str, theirs: str
) -> None:
    job = submit(world, ours)
    assert take(matching, job, {"message_id": 5, "name": theirs}) == 1

    assert ids(world, job) == [5]


def test_a_repeated_receipt_in_another_order_changes_nothing(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale", "News")
    take(
        matching,
        job,
        {"messages": [{"message_id": 5, "name": "Sale"}, {"message_id": 6, "name": "News"}]},
    )
    assert take(matching, job, {"message_ids": [6, 5]}) == 2

    assert ids(world, job) == [5, 6]
    assert world.views.stats(10).oddities.get("receipts_unmatched", 0) == 0


def test_a_receipt_before_the_answer_is_read_again_too(world: World, matching: Matching) -> None:
    job = submit(world, "Sale", "News", verdict=None)
    take(matching, job, {"message_ids": [7]})
    take(matching, job, {"message_id": 5, "name": "Sale"})

    assert world.state(job) is JobState.SUBMITTING
    assert ids(world, job) == [5, 7]


def test_a_kept_form_of_parts_is_read_again(world: World, matching: Matching) -> None:
    job = submit(world, "Sale", "News")
    part = '--b\r\nContent-Disposition: form-data; name="message_id"\r\n\r\n7\r\n--b--\r\n'
    matching.take_receipt(job, part.encode(), "multipart/form-data; boundary=b")
    matching.take_receipt(job, b"\xff\xfe not even text", None)

    take(matching, job, {"message_id": 5, "name": "Sale"})
    assert ids(world, job) == [5, 7]
    assert guess_type(b'{"message_id": 7}') is None


def test_jobs_without_ids_are_listed_after_ten_minutes(
    world: World, matching: Matching, operator: UnmatchedJobs
) -> None:
    job = submit(world, "Sale", "News")
    take(matching, job, {"message_ids": [7]})
    listed = list(operator.list_unmatched())  # World's clock stands years before Redis'

    assert [(one.id, one.uuid, one.names, one.receipts) for one in listed] == [
        (job, "u-1", ["Sale", "News"], 1)
    ]
    assert world.views.stats(10).oddities["unmatched"] == 1
    assert list(operator.list_unmatched(min_age_s=1e9)) == []
    take(matching, job, {"message_ids": [8, 9]})
    assert list(operator.list_unmatched()) == []
    assert world.redis.exists(f"{world.keys.namespace}:lookups") == 0


def test_the_horizon_takes_a_job_from_the_list(world: World, operator: UnmatchedJobs) -> None:
    job = submit(world, "Sale")
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    assert world.state(job) is JobState.DONE
    assert list(operator.list_unmatched()) == []


def test_an_id_attached_by_hand_is_polled_at_once_and_says_who_and_why(
    world: World, matching: Matching, operator: UnmatchedJobs
) -> None:
    job = submit(world, "Sale", "News")
    take(matching, job, {"message_ids": [7]})

    assert operator.attach(job, "Sale", 5, why="the gateway's support said so") == 1

    assert ids(world, job) == [5, 7]  # the kept receipt is clear now
    assert len(world.polls.find_due(limit=9)) == 2
    [note] = [note for note in timeline(world, job) if note.what == "operator: attach"]
    assert note.detail == '{"1": "5"} by olga@night: the gateway\'s support said so'


def test_an_id_attached_to_an_unknown_job_proves_it(world: World, operator: UnmatchedJobs) -> None:
    job = submit(world, "Sale", verdict=UNKNOWN)
    operator.attach(job, "#1", 5)

    assert world.state(job) is JobState.ACCEPTED
    world.pass_s(5)
    assert world.polls.find_due(limit=9) == [f"{job}:1"]


def test_an_id_that_is_there_is_replaced_only_by_force(
    world: World, operator: UnmatchedJobs
) -> None:
    job = submit(world, "Sale")
    operator.attach(job, "Sale", 5)
    with pytest.raises(InvalidMessageError, match="has the id 5: --force"):
        operator.attach(job, "Sale", 6)

    operator.attach(job, "Sale", 6, is_forced=True)
    assert ids(world, job) == [6]


def test_what_cannot_be_attached_is_refused(world: World, operator: UnmatchedJobs) -> None:
    job = submit(world, "Same", "Same", "Other")
    with pytest.raises(NotFoundError):
        operator.attach("jnope", "Sale", 5)
    with pytest.raises(InvalidMessageError, match="write one of Same, Other"):
        operator.attach(job, "Nobody", 5)
    with pytest.raises(InvalidMessageError, match="write one of #1, #2"):
        operator.attach(job, "Same", 5)
    operator.attach(job, "#2", 5)
    operator.attach(job, "Same", 6)  # only one of them is without an id
    assert ids(world, job) == [6, 5, None]

    refused = submit(world, "Sale", verdict=Verdict(state=JobState.REJECTED, error="no"))
    with pytest.raises(InvalidMessageError, match="is rejected: it needs no message id"):
        operator.attach(refused, "Sale", 5)


def test_an_id_that_comes_after_the_horizon_still_improves_the_recipients(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale")
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()
    assert world.views.status(job).counts == {RecipientState.NO_REPORT: 1}

    take(matching, job, {"message_ids": [7]})
    for word in ("sent", "delivered"):
        row = ReportRow(str(PHONE), word, None)
        world.polls.apply_page(world.claim_poll(), [row], next_offset=0, next_in_s=60)
        world.pass_s(60)

    assert world.state(job) is JobState.DONE
    assert world.views.status(job).counts == {RecipientState.DELIVERED: 1}
    assert world.find_and_claim_poll() is None


def test_a_late_id_that_brings_no_news_is_asked_for_three_times(
    world: World, matching: Matching
) -> None:
    job = submit(world, "Sale")
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()
    take(matching, job, {"message_ids": [7]})

    for _ in range(3):
        claim = world.claim_poll()
        world.polls.apply_page(claim, [], next_offset=1000, next_in_s=None)  # a full page
        world.polls.apply_page(world.claim_poll(), [], next_offset=0, next_in_s=60)
        world.pass_s(60)
    assert world.find_and_claim_poll() is None
    assert world.views.status(job).counts == {RecipientState.NO_REPORT: 1}

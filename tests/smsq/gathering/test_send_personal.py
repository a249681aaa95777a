"""`SmsQueue.send_personal` and `gather=True`: what a web app calls to have sends gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import smsq
from smsq.names import Queue
from smsq.settings import Settings

PHONE = "+375 29 123-45-67"
OTHER = "+375 29 123-45-68"


@pytest.fixture
def small(settings: Settings) -> Iterator[smsq.SmsQueue]:
    """A queue whose requests take three recipients."""
    made = smsq.SmsQueue(settings=replace(settings, bulk_max_recipients=3))
    yield made
    made.close()


def job_of(own_id: str) -> str:
    return own_id.partition(".")[0]


def count_rings(queue: smsq.SmsQueue, name: Queue) -> int:
    return queue._producer.rings.count_waiting(name)


def test_send_personal_and_gather_go_into_the_same_request(queue: smsq.SmsQueue) -> None:
    first = queue.send_personal(PHONE, "You owe 5", key="bill-1")
    second = queue.send_quick(OTHER, "You owe 6", gather=True)

    assert job_of(first) == job_of(second)
    assert queue.status(first).state is smsq.JobState.WAITING
    assert queue.status(first).counts == {smsq.RecipientState.PENDING: 1}
    assert [row.phone for row in queue.recipients(second)] == ["375291234568"]
    assert queue.send_personal(PHONE, "You owe 5", key="bill-1") == first
    with pytest.raises(smsq.KeyConflictError, match=first):
        queue.send_personal(PHONE, "You owe 7", key="bill-1")


def test_a_key_holds_whether_a_send_is_gathered_or_not(queue: smsq.SmsQueue) -> None:
    own = queue.send_personal(PHONE, "code", key="a")
    quick = queue.send_quick(PHONE, "code", key="b")

    assert queue.send_quick(PHONE, "code", key="a") == own
    assert queue.send_personal(PHONE, "code", key="b") == quick


@pytest.mark.parametrize(
    "options",
    [{"alphaname_id": "9"}, {"on_unknown": "resend"}, {"priority": "bulk"}],
    ids=lambda options: next(iter(options)),
)
def test_sends_that_differ_in_what_a_request_shares_are_kept_apart(
    queue: smsq.SmsQueue, options: Any
) -> None:
    assert job_of(queue.send_personal(PHONE, "a")) != job_of(
        queue.send_personal(OTHER, "b", **options)
    )


@pytest.mark.parametrize("priority", ["normal", "bulk"])
def test_only_the_call_that_fills_a_job_rings_it(small: smsq.SmsQueue, priority: Any) -> None:
    own_id = ""
    for n in range(3):
        assert count_rings(small, Queue(priority)) == 0
        own_id = small.send_personal(f"+3752912345{n}7", "code", priority=priority)

    assert count_rings(small, Queue(priority)) == 1
    assert small.status(own_id).state is smsq.JobState.QUEUED


def test_many_are_gathered_in_few_round_trips_and_in_order(small: smsq.SmsQueue) -> None:
    messages = [
        smsq.QuickMessage(phone=f"+37529{1234000 + n}", text=f"text {n}", gather=n % 2 == 0)
        for n in range(14)
    ]
    ids = small.send_quick_many(messages)

    phones = [next(iter(small.recipients(some_id))).phone for some_id in ids]
    assert phones == [f"37529{1234000 + n}" for n in range(14)]
    assert [("." in some_id) for some_id in ids] == [n % 2 == 0 for n in range(14)]
    jobs = small.stats().jobs
    assert (jobs[smsq.JobState.QUEUED], jobs[smsq.JobState.WAITING]) == (7 + 2, 1)
    # One for the quick jobs, one for each that is full.
    assert count_rings(small, Queue.NORMAL) == 1 + 2


def test_one_send_is_taken_back_by_its_own_id(queue: smsq.SmsQueue) -> None:
    first, second = queue.send_personal(PHONE, "a"), queue.send_personal(OTHER, "b")

    assert queue.cancel(first) == 1
    assert queue.status(first).state is smsq.JobState.CANCELLED
    assert queue.status(first).is_final
    assert queue.status(second).state is smsq.JobState.WAITING
    assert queue.stats().recipients[smsq.RecipientState.PENDING] == 1


def test_what_an_own_id_shows_opens_nobody_elses_send(queue: smsq.SmsQueue) -> None:
    mine, yours = queue.send_personal(PHONE, "mine"), queue.send_personal(OTHER, "yours")
    job, ordinal, tag = mine.split(".")
    assert job_of(yours) == job

    for guess in (job, f"{job}.2", f"{job}.2.{tag}", f"{job}.{ordinal}.2", mine.rpartition(".")[0]):
        calls: list[Callable[..., Any]] = [queue.recipients, queue.failed, queue.cancel]
        for call in calls:
            with pytest.raises(smsq.NotFoundError):
                list(call(guess))
    assert queue.status(yours).state is smsq.JobState.WAITING


def test_an_operator_takes_a_gathered_job_as_a_whole(queue: smsq.SmsQueue) -> None:
    own_id, _ = queue.send_personal(PHONE, "a"), queue.send_personal(OTHER, "b")
    job = job_of(own_id)

    assert len(list(queue.recipients(job, whole_job=True))) == 2
    with pytest.raises(smsq.NotFoundError, match="whole_job=True"):
        queue.cancel(job)
    assert queue.cancel(job, whole_job=True) == 1


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"priority": "urgent"}, "urgent does not wait: write normal or bulk, or leave gather out"),
        ({"send_at": datetime.now(UTC) + timedelta(hours=1)}, "send_at does not go with gather"),
        ({"viber_name_id": 9}, "viber_name_id: the gateway forwards single messages only"),
        ({"expires_in_s": 2}, "expires_in_s: write more than SMSQ_GATHER_S, 2, or leave gather"),
        ({"gather": "yes"}, "gather is str: write True or False"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_a_gathered_send_cannot_have_is_refused_with_what_to_write(
    queue: smsq.SmsQueue, options: Any, mistake: str
) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_quick(PHONE, "code", **{"gather": True, **options})

    assert len(caught.value.mistakes) == 1
    assert mistake in caught.value.mistakes[0]
    assert sum(queue.stats().jobs.values()) == 0


def test_a_gathered_send_is_checked_like_any_other(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_personal("12", "", on_unknown="perhaps", expires_in_s=-1)  # type: ignore[arg-type]

    assert len(caught.value.mistakes) == 4


def test_processes_with_other_limits_do_not_fill_each_others_jobs(
    queue: smsq.SmsQueue, small: smsq.SmsQueue
) -> None:
    assert job_of(queue.send_personal(PHONE, "a")) != job_of(small.send_personal(OTHER, "b"))

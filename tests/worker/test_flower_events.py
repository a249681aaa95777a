"""What Flower is told of attempts: their outcome, and nothing that is personal."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.events.state import State

from smsq.domain.outcomes import Verdict
from smsq.measures.exchange import NO_EXCHANGE, Exchange
from smsq.models import JobState, Kind, MessageRequest, OnUnknown, Outcome
from smsq.records.jobs import Claim
from worker.flower_events import MOST_BUFFERED, Dispatcher, JobEvents, describe

PHONE, TEXT, WORDS = "375291234567", "Your code is 4821", "the gateway's own words"


def claim(**changes: Any) -> Claim:
    fields: dict[str, Any] = {
        "job_id": "j1",
        "kind": Kind.QUICK,
        "number": 1,
        "attempts": 1,
        "on_unknown": OnUnknown.HOLD,
        "viber": None,
        "messages": [MessageRequest(name="n", text="", recipients={PHONE: TEXT}, alphaname_id="1")],
        "priority": "urgent",
        "campaign_id": "",
    }
    return Claim(**fields | changes)


def exchange(outcome: str, reason: str = "", parts: int = 0) -> Exchange:
    return Exchange(endpoint="q", outcome=outcome, reason=reason, took_ms=84.4, parts=parts)


ACCEPTED = (Verdict(state=JobState.ACCEPTED), exchange("accepted", parts=2))


def failed(state: JobState, outcome: Outcome, reason: str) -> tuple[Verdict, Exchange]:
    return Verdict(state=state, error=WORDS, error_class=outcome), exchange(outcome, reason)


@pytest.mark.parametrize(
    ("end", "kind", "said"),
    [
        (ACCEPTED, "task-succeeded", "accepted parts=2 84ms"),
        (
            failed(JobState.REJECTED, Outcome.REFUSED, "http_400"),
            "task-failed",
            "rejected http_400 84ms",
        ),
        (
            failed(JobState.UNKNOWN, Outcome.UNKNOWN, "no_answer"),
            "task-failed",
            "unknown no_answer 84ms",
        ),
        (
            failed(JobState.DEAD, Outcome.TEMPORARY, "http_503"),
            "task-failed",
            "dead http_503 84ms",
        ),
        (
            failed(JobState.WAITING, Outcome.TEMPORARY, "http_503"),
            "task-retried",
            "waiting http_503 84ms",
        ),
        (failed(JobState.QUEUED, Outcome.BUSY, "http_429"), "task-retried", "queued http_429 84ms"),
        ((Verdict(state=JobState.EXPIRED, error=WORDS), NO_EXCHANGE), "task-failed", "expired"),
    ],
)
def test_an_attempts_end_is_state_and_result(
    end: tuple[Verdict, Exchange], kind: str, said: str
) -> None:
    told, fields = describe(claim(), *end)

    assert told == kind
    assert fields["uuid"] == "j1"
    is_good = kind == "task-succeeded"
    assert (fields["result"], fields["exception"]) == ((said, None) if is_good else (None, said))
    for secret in (PHONE, TEXT, WORDS):
        assert secret not in json.dumps(fields)


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_an_event_that_celery_knows(state: JobState) -> None:
    kind, _ = describe(claim(), Verdict(state=state), NO_EXCHANGE)
    assert kind in {"task-succeeded", "task-failed", "task-retried"}


def test_a_row_has_what_people_filter_by() -> None:
    _, code = describe(claim(attempts=3), *ACCEPTED)
    _, bulk = describe(claim(kind=Kind.BULK, priority="bulk", campaign_id="c9"), *ACCEPTED)

    assert (code["name"], code["args"], code["retries"]) == ("smsq.send_quick.urgent", "('j1',)", 2)
    assert (bulk["name"], bulk["kwargs"]) == ("smsq.send_bulk.bulk", "{'campaign': 'c9'}")


class Sent(list[tuple[str, list[dict[str, Any]]]]):
    """A producer that keeps what it is given; `publish` is a round trip."""

    def publish(self, event: list[dict[str, Any]], *, routing_key: str, **_: object) -> None:
        self.append((routing_key, json.loads(json.dumps(event))))


@pytest.fixture
def worker() -> Any:
    app = Celery(set_as_current=False, broker="memory://")
    dispatcher = Dispatcher(
        app.connection_for_write(),
        hostname="w@h",
        app=app,
        buffer_group=["task"],
        on_send_buffered=lambda: None,
    )
    dispatcher.producer = Sent()
    return SimpleNamespace(consumer=SimpleNamespace(event_dispatcher=dispatcher))


def test_attempts_are_told_in_one_batch_and_by_no_thread_that_sends(worker: Any) -> None:
    tell, dispatcher = JobEvents(worker), worker.consumer.event_dispatcher
    for n in range(MOST_BUFFERED - 1):
        tell(claim(job_id=f"j{n}"), *ACCEPTED)
    assert dispatcher.producer == []

    dispatcher.flush()

    [(routing_key, events)] = dispatcher.producer
    assert routing_key == "task.multi"
    assert [event["uuid"] for event in events] == [f"j{n}" for n in range(MOST_BUFFERED - 1)]


def test_a_row_ends_as_the_last_attempt_did(worker: Any) -> None:
    tell, dispatcher = JobEvents(worker), worker.consumer.event_dispatcher
    cluster: Any = State()
    states: list[tuple[str, int]] = []
    for attempt, end in enumerate(
        (
            failed(JobState.WAITING, Outcome.TEMPORARY, "http_503"),
            failed(JobState.DEAD, Outcome.TEMPORARY, "http_503"),
            failed(JobState.QUEUED, Outcome.BUSY, "http_429"),  # after `smsq dead retry`
            ACCEPTED,
        ),
        start=1,
    ):
        tell(claim(attempts=attempt), *end)
        dispatcher.flush()
        [event] = dispatcher.producer.pop()[1]
        cluster.event({**event, "local_received": event["timestamp"]})
        row = cluster.tasks["j1"]
        states.append((row.state, row.retries))

    assert states == [("RETRY", 0), ("FAILURE", 1), ("RETRY", 2), ("SUCCESS", 3)]
    row = cluster.tasks["j1"]
    assert (row.result, row.exception) == ("accepted parts=2 84ms", None)


def test_a_worker_that_is_not_connected_tells_nobody(worker: Any) -> None:
    JobEvents(SimpleNamespace())(claim(), *ACCEPTED)
    worker.consumer.event_dispatcher = None
    JobEvents(worker)(claim(), *ACCEPTED)

"""Traces: the web app's call and each attempt are one trace, whoever rings and whoever sends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace

from smsq import tracing as traces
from smsq.async_queue.queue import AsyncSmsQueue
from smsq.contrib.sqlalchemy import Outbox
from smsq.errors import KeyConflictError
from smsq.models import BulkMessage, PersonalMessage, QuickMessage
from smsq.queue import SmsQueue
from smsq.simulator.server import RunningSimulator
from smsq.steps.resources import Resources
from smsq.tracing import ATTEMPT, ENQUEUE, MOST_LINKS, is_traceparent, traceparent_of
from tests.smsq.steps.test_attempt import claim_and_attempt
from tests.traces import Book, tracing

PHONE = "37529123"
TEXT = "canary-text-4821"


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Iterator[Book]:
    with tracing(monkeypatch) as book:
        yield book


def stored(resources: Resources, job: str) -> dict[str, str]:
    found: dict[str, str] = resources.redis.hgetall(  # type: ignore[assignment]
        resources.keys.job(job.partition(".")[0])
    )
    return found


def close_gathered(resources: Resources, queue: SmsQueue) -> None:
    for job in queue.jobs():
        key = resources.keys.job(job.id)
        resources.redis.hset(key, "closes_at_ms", 1)
        resources.redis.zadd(resources.keys.due, {job.id: 1})
    resources.claims.recover(limit=100, max_attempts=8, plan=resources.poll_plan)


def test_a_message_is_one_trace_from_the_call_to_each_attempt(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    with book.tracer.start_as_current_span("POST /login"):
        job = queue.send_quick(f"{PHONE}0500", TEXT, priority="urgent", key="login-1")
    claim_and_attempt(resources)
    # What the gate makes of a 500 is not the matter here.
    resources.redis.delete(resources.keys.limiter)
    resources.redis.zadd(resources.keys.due, {job: 1})
    resources.claims.recover(limit=100, max_attempts=8, plan=resources.poll_plan)
    claim_and_attempt(resources)

    above, enqueue = book.one("POST"), book.one(ENQUEUE)
    first, second = book.spans(ATTEMPT)
    assert enqueue.parent.span_id == above.context.span_id
    assert enqueue.attributes == {
        "smsq.kind": "quick",
        "smsq.priority": "urgent",
        "smsq.job": job,
        "smsq.is_new": True,
    }
    for attempt in (first, second):
        assert attempt.context.trace_id == above.context.trace_id
        assert attempt.parent.span_id == enqueue.context.span_id
        assert attempt.parent.is_remote
    assert first.attributes["smsq.attempt"] == 1
    assert first.attributes["smsq.outcome"] == "waiting"
    assert first.attributes["smsq.reason"] == "temporary"
    assert first.attributes["http.response.status_code"] == 500
    assert first.status.status_code is trace.StatusCode.ERROR
    assert first.status.description is None
    assert second.attributes["smsq.outcome"] == "accepted"
    assert second.attributes["http.response.status_code"] == 200
    assert second.attributes["smsq.ms"] > 0
    assert second.status.status_code is trace.StatusCode.UNSET


def test_nothing_personal_is_in_a_span(resources: Resources, queue: SmsQueue, book: Book) -> None:
    for suffix in ("4567", "0400", "0200", "0201", "0499"):
        queue.send_quick(f"{PHONE}{suffix}", f"{TEXT} {suffix}", key=f"for {PHONE}{suffix}")
        claim_and_attempt(resources)
    with pytest.raises(KeyConflictError):
        queue.send_quick(f"{PHONE}4567", "another", key=f"for {PHONE}4567")

    assert len(book.spans(ATTEMPT)) == 5
    assert len(book.spans(ENQUEUE)) == 6
    assert book.spans(ENQUEUE)[-1].attributes["error.type"] == "KeyConflictError"
    assert not any(span.events for span in book.spans())
    for personal in (PHONE, "canary", "123-", resources.settings.gateway_token):
        assert personal not in book.written()


def test_the_jobs_of_a_campaign_join_its_call(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    phones = [f"{PHONE}{4500 + n}" for n in range(3)]
    messages: list[BulkMessage | PersonalMessage] = [
        BulkMessage(name="Sale", text=TEXT, phones=phones),
        PersonalMessage(name="Bills", texts=[(phone, TEXT) for phone in phones]),
    ]
    campaign = queue.send_bulk(messages)
    claim_and_attempt(resources)

    enqueue, attempt = book.one(ENQUEUE), book.one(ATTEMPT)
    assert attempt.parent.span_id == enqueue.context.span_id
    assert enqueue.attributes["smsq.campaign"] == attempt.attributes["smsq.campaign"] == campaign
    assert enqueue.attributes["smsq.recipients"] == 6


def test_a_campaign_that_is_begun_again_in_another_trace_is_the_same(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    sale = BulkMessage(name="Sale", text=TEXT, phones=[f"{PHONE}4567"])
    with book.tracer.start_as_current_span("one"):
        first = queue.send_bulk([sale], key="sale")
    with book.tracer.start_as_current_span("two"):
        assert queue.send_bulk([sale], key="sale") == first


def test_a_gathered_request_links_to_its_senders_up_to_a_bound(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    for n in range(MOST_LINKS + 2):
        queue.send_personal(f"{PHONE}{4500 + n}", f"{TEXT} {n}")
    close_gathered(resources, queue)
    claim_and_attempt(resources)

    attempt = book.one(ATTEMPT)
    senders = [span.context.span_id for span in book.spans(ENQUEUE)]
    assert attempt.parent is None
    assert [link.context.span_id for link in attempt.links] == senders[:MOST_LINKS]


def test_many_messages_of_one_call_are_one_span(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    queue.send_quick_many(QuickMessage(phone=f"{PHONE}{4500 + n}", text=TEXT) for n in range(3))
    claim_and_attempt(resources)

    assert book.one(ENQUEUE).attributes == {"smsq.kind": "many", "smsq.jobs": 3}
    assert book.one(ATTEMPT).parent.span_id == book.one(ENQUEUE).context.span_id


def test_an_async_call_is_in_the_trace_of_its_task(
    resources: Resources, book: Book, environ: dict[str, str]
) -> None:
    async def visit(queue: AsyncSmsQueue) -> None:
        with book.tracer.start_as_current_span("GET /"):
            await queue.send_quick(f"{PHONE}4567", TEXT)
        await queue.close()

    asyncio.run(visit(AsyncSmsQueue(settings=resources.settings)))
    assert book.one(ENQUEUE).parent.span_id == book.one("GET").context.span_id


def test_a_row_of_the_outbox_brings_its_trace_along(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    metadata, engine = sa.MetaData(), sa.create_engine("sqlite://")
    outbox = Outbox(metadata, queue)
    metadata.create_all(engine)
    with engine.begin() as connection, book.tracer.start_as_current_span("POST /order"):
        outbox.add(connection, f"{PHONE}4567", TEXT)
    outbox.relay(engine).step()
    claim_and_attempt(resources)
    engine.dispose()

    added, handed_over = book.spans(ENQUEUE)
    assert added.parent.span_id == book.one("POST").context.span_id
    assert [link.context.span_id for link in handed_over.links] == [added.context.span_id]
    assert book.one(ATTEMPT).parent.span_id == added.context.span_id


def test_a_job_that_nobody_traced_begins_a_trace_of_its_own(
    resources: Resources, queue: SmsQueue, book: Book
) -> None:
    job = queue.send_quick(f"{PHONE}4567", TEXT)
    resources.redis.hset(resources.keys.job(job), "traceparent", "00-nonsense")
    claim_and_attempt(resources)

    assert book.one(ATTEMPT).parent is None


def test_nothing_is_stored_where_nobody_traces(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue.send_quick(f"{PHONE}4567", TEXT)
    own_id = queue.send_personal(f"{PHONE}4568", TEXT)
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    alone = queue.send_quick(f"{PHONE}4569", TEXT)

    for one in (job, own_id, alone):
        assert not any("trace" in name for name in stored(resources, one))
    assert traces.enqueueing() is traces.attempting("", ()) is traces._NO_SPAN
    claim_and_attempt(resources)
    assert "opentelemetry.trace" not in sys.modules


@pytest.mark.parametrize("broken", ["start_as_current_span", "get_tracer"])
def test_a_tracer_that_raises_keeps_no_message_back(
    resources: Resources,
    queue: SmsQueue,
    simulator: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

        def get_tracer(self, *_: object, **__: object) -> Any:
            if broken == "get_tracer":
                raise RuntimeError(broken)
            return self

        def start_as_current_span(self, *_: object, **__: object) -> Any:
            return self

    monkeypatch.setattr(trace, "_TRACER_PROVIDER", Broken())
    queue.send_quick(f"{PHONE}4567", TEXT)
    claim_and_attempt(resources)
    assert len(simulator.accepted()) == 1


def test_a_span_that_cannot_be_ended_keeps_no_message_back() -> None:
    class Stuck:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            raise RuntimeError

        def set_attributes(self, _: object) -> None:
            raise RuntimeError

    with traces._Span(trace, Stuck()) as span:
        span.note(outcome="accepted", is_failed=True)


@given(
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    flags=st.integers(0, 255),
)
def test_what_is_written_is_read_again(trace_id: int, span_id: int, flags: int) -> None:
    context = trace.SpanContext(
        trace_id, span_id, is_remote=False, trace_flags=trace.TraceFlags(flags)
    )
    with trace.use_span(trace.NonRecordingSpan(context)):
        written = traceparent_of()
    read = traces._context_of(trace, written)
    assert (read.trace_id, read.span_id, read.trace_flags) == (trace_id, span_id, flags)


@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"[0-9a-fA-F]{2}-[0-9a-fA-Fg]{30,33}-[0-9a-f]{15,17}-[0-9a-f]{1,3}\n?"),
        st.sampled_from(
            [
                "00-" + "0" * 32 + "-00f067aa0ba902b7-01",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-" + "0" * 16 + "-01",
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            ]
        ),
    )
)
def test_a_traceparent_that_is_malformed_is_ignored(text: str) -> None:
    read = traces._context_of(trace, text)
    assert is_traceparent(text) is (read is not None)
    if read is not None:
        assert read.is_valid
        assert text == f"00-{read.trace_id:032x}-{read.span_id:016x}-{read.trace_flags:02x}"
    traces.attempting(text, [text])

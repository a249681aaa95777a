"""SmsQueue: what a web app calls."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import smsq
from smsq.names import Queue
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.support import free_port


def test_a_quick_message_is_stored_ready_to_be_sent(queue: smsq.SmsQueue) -> None:
    job = queue.send_quick("+375 29 123-45-67", "Your code is 4821")

    status = queue.status(job)
    assert status.kind is smsq.Kind.QUICK
    assert status.state is smsq.JobState.QUEUED
    assert status.attempts == 0
    assert status.error is None
    assert status.counts == {smsq.RecipientState.PENDING: 1}
    assert [row.phone for row in queue.recipients(job)] == ["375291234567"]


def test_the_same_key_and_content_return_the_same_job(queue: smsq.SmsQueue) -> None:
    first = queue.send_quick("+375 29 123-45-67", "code", key="login-8812")
    again = queue.send_quick("80 29 123-45-67", "code", key="login-8812", priority="urgent")

    assert again == first
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 1


def test_the_same_key_with_other_content_is_a_conflict(queue: smsq.SmsQueue) -> None:
    first = queue.send_quick("+375 29 123-45-67", "code 1", key="login-8812")

    with pytest.raises(smsq.KeyConflictError, match=first):
        queue.send_quick("+375 29 123-45-67", "code 2", key="login-8812")
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 1


def test_bad_input_never_reaches_the_ledger(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_quick("12", "", priority="soon")  # type: ignore[arg-type] # three mistakes

    assert len(caught.value.mistakes) == 3
    assert sum(queue.stats().jobs.values()) == 0


def test_many_messages_are_stored_in_order(queue: smsq.SmsQueue) -> None:
    messages = [
        smsq.QuickMessage(phone=f"+37529{1234000 + i}", text=f"code {i}") for i in range(250)
    ]

    ids = queue.send_quick_many(messages)

    assert len(set(ids)) == 250
    assert next(iter(queue.recipients(ids[249]))).phone == "375291234249"
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 250


def test_one_bad_message_of_many_stores_none(queue: smsq.SmsQueue) -> None:
    good = smsq.QuickMessage(phone="+375291234567", text="code")
    bad = smsq.QuickMessage(phone="+375291234567", text="")

    with pytest.raises(smsq.InvalidMessageError, match="message 2: text is empty"):
        queue.send_quick_many([good, bad])
    assert sum(queue.stats().jobs.values()) == 0


def test_a_conflict_in_many_keeps_the_others(queue: smsq.SmsQueue) -> None:
    queue.send_quick("+375291234567", "one", key="k")
    messages = [
        smsq.QuickMessage(phone="+375291234567", text="two", key="k"),
        smsq.QuickMessage(phone="+375291234568", text="three"),
    ]

    with pytest.raises(smsq.KeyConflictError, match="other 1 messages of this call are") as told:
        queue.send_quick_many(messages)
    refused, stored = told.value.stored
    assert refused is None
    assert queue.status(str(stored)).state is smsq.JobState.QUEUED
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 2


def test_a_campaign_is_split_at_the_limit_and_small_messages_share(settings: Settings) -> None:
    queue = smsq.SmsQueue(settings=replace(settings, bulk_max_recipients=10))
    phones = [f"37529{1234000 + i}" for i in range(25)]

    campaign = queue.send_bulk(
        [
            smsq.BulkMessage(name="Sale", text="Everything half price", phones=phones),
            smsq.PersonalMessage(name="Bills", texts=[("375291234567", "You owe 5")]),
        ]
    )

    status = queue.status(campaign)
    assert status.kind is smsq.Kind.CAMPAIGN
    assert status.state is smsq.JobState.QUEUED
    assert [(m.name, m.recipients) for m in status.messages] == [
        ("Sale", 10),
        ("Sale", 10),
        ("Sale", 5),
        ("Bills", 1),
    ]
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 3
    assert sorted(r.phone for r in queue.recipients(campaign)) == sorted([*phones, "375291234567"])
    queue.close()


def test_a_repeated_campaign_leaves_nothing_behind(queue: smsq.SmsQueue) -> None:
    message = smsq.BulkMessage(name="Sale", text="hi", phones=["375291234567"])
    first = queue.send_bulk([message], key="sale")

    assert queue.send_bulk([message], key="sale") == first
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 1
    with pytest.raises(smsq.KeyConflictError):
        queue.send_bulk([replace(message, text="bye")], key="sale")
    assert queue.stats().recipients[smsq.RecipientState.PENDING] == 1


def test_a_campaign_streams_from_generators_and_goes_on_where_it_stopped(
    settings: Settings,
) -> None:
    queue = smsq.SmsQueue(settings=replace(settings, bulk_max_recipients=10))
    phones = [f"37529{1234000 + i}" for i in range(25)]

    def messages(stops_after: int) -> Iterator[smsq.BulkMessage]:
        def some() -> Iterator[str]:
            yield from phones[:stops_after]
            if stops_after < len(phones):
                raise OSError("the database went away")

        yield smsq.BulkMessage(name="Sale", text="hi", phones=some())

    with pytest.raises(OSError, match="went away"):
        queue.send_bulk(messages(17), key="sale")
    assert sum(queue.stats().recipients.values()) == 0
    campaign = queue.send_bulk(messages(25), key="sale")

    assert sorted(r.phone for r in queue.recipients(campaign)) == phones
    assert queue.send_bulk(messages(25), key="sale") == campaign
    assert queue.stats().jobs[smsq.JobState.QUEUED] == 3
    queue.close()


def test_a_mistake_far_down_a_stream_leaves_nothing_to_be_sent(settings: Settings) -> None:
    queue = smsq.SmsQueue(settings=replace(settings, bulk_max_recipients=10))
    phones = [f"37529{1234000 + i}" for i in range(25)]
    message = smsq.BulkMessage(name="Sale", text="hi", phones=[*phones, "12"])
    with pytest.raises(smsq.InvalidMessageError, match="recipient 26"):
        queue.send_bulk([message], key="sale")

    assert sum(queue.stats().recipients.values()) == 0
    assert queue.send_bulk([replace(message, phones=phones[:3])], key="sale")  # the key is free
    queue.close()


def test_a_cancelled_campaign_is_not_sent(queue: smsq.SmsQueue) -> None:
    campaign = queue.send_bulk(
        [smsq.BulkMessage(name="Sale", text="hi", phones=["375291234567", "375291234568"])]
    )

    assert queue.cancel(campaign) == 1
    assert queue.status(campaign).state is smsq.JobState.CANCELLED
    assert queue.status(campaign).is_final
    assert queue.cancel(campaign) == 1  # it stays so


def test_an_unknown_id_is_not_found(queue: smsq.SmsQueue) -> None:
    for call in (queue.status, queue.cancel, lambda i: list(queue.recipients(i))):
        with pytest.raises(smsq.NotFoundError, match="jnope"):
            call("jnope")


def test_the_queue_does_not_replace_the_web_apps_celery(queue: smsq.SmsQueue) -> None:
    import celery  # noqa: PLC0415 - only this test needs it

    before = celery.current_app.main
    queue.send_quick("+375291234567", "code")
    assert celery.current_app.main == before


def test_a_refused_redis_fails_within_two_seconds_and_stores_nothing() -> None:
    queue = smsq.SmsQueue(f"redis://127.0.0.1:{free_port()}/0")
    queue = smsq.SmsQueue(settings=replace(queue.settings, alphaname_id="123"))

    started_at_s = time.monotonic()
    with pytest.raises(smsq.QueueUnavailableError) as caught:
        queue.send_quick("+375291234567", "code")
    assert time.monotonic() - started_at_s < 2
    assert not caught.value.may_be_stored


@pytest.mark.long
def test_a_hung_redis_fails_within_two_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        queue = smsq.SmsQueue(settings=replace(Settings.from_env({}), redis_url=url))
        for call in (
            lambda: queue.send_quick("+375291234567", "code", alphaname_id="1"),
            lambda: queue.status("j1"),
            lambda: queue.cancel("j1"),
            queue.stats,
        ):
            started_at_s = time.monotonic()
            with pytest.raises(smsq.QueueUnavailableError):
                call()
            assert time.monotonic() - started_at_s < 2


def test_a_broken_broker_does_not_lose_the_job(settings: Settings) -> None:
    broken = replace(settings, broker_url=f"redis://127.0.0.1:{free_port()}/0")
    queue = smsq.SmsQueue(settings=broken)

    job = queue.send_quick("+375291234567", "code")

    assert queue.status(job).state is smsq.JobState.QUEUED
    queue.close()


def test_a_ring_goes_to_the_queue_of_its_priority(
    queue: smsq.SmsQueue, scripts: Scripts, namespace: str
) -> None:
    priorities: list[Any] = [Queue.URGENT, Queue.NORMAL, Queue.BULK]
    for priority in priorities:
        queue.send_quick("+375291234567", "code", priority=priority)
        assert scripts.redis.llen(f"{namespace}:{priority}") == 1

"""`manage.py smsq_events`: a signal for each event, whatever receivers and databases do."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings

import smsq
from smsq.contrib.django import sms
from smsq.contrib.django.management.commands import smsq_events
from smsq.contrib.django.signals import campaign_changed, job_changed, recipient_changed
from smsq.domain.backoff import Backoff
from smsq.models import BulkMessage
from tests.smsq.contrib.django.shop.models import Customer, Order

pytestmark = pytest.mark.usefixtures("smsq_settings", "db")

PHONE = "+375291234567"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smsq_events, "_BACKOFF", Backoff(first_s=0, max_s=0))


@pytest.fixture(autouse=True)
def _read_from_now_on(smsq_settings: dict[str, object]) -> None:
    sms.events(group="django", consumer="test")


@contextmanager
def heard_by(receiver: Callable[..., None]) -> Iterator[None]:
    signals = (job_changed, recipient_changed, campaign_changed)
    for each in signals:
        each.connect(receiver)
    try:
        yield
    finally:
        for each in signals:
            each.disconnect(receiver)


def read(**options: Any) -> None:
    call_command("smsq_events", consumer="test", idle_s=0, **options)


def test_each_event_is_a_signal_once() -> None:
    found: list[Any] = []
    job = sms.send_quick(PHONE, "code")
    campaign = sms.send_bulk([BulkMessage(name="Sale", text="half", phones=[PHONE])])
    sms.pause(campaign)

    with heard_by(lambda sender, event, **_: found.append((sender, event))):
        read()
        read()

    jobs = [event for sender, event in found if sender is smsq.JobEvent]
    assert job in {event.job_id for event in jobs}
    assert [e.campaign_id for sender, e in found if sender is smsq.CampaignEvent][-1] == campaign
    assert len({event.id for _, event in found}) == len(found)


@pytest.mark.parametrize(("start", "heard"), [("now", 0), ("oldest", 1)])
def test_a_new_group_begins_where_it_is_told_to(start: str, heard: int) -> None:
    sms.send_quick(PHONE, "code")
    found: list[Any] = []

    with heard_by(lambda event, **_: found.append(event)):
        read(group="another", start=start)

    assert len(found) == heard


def test_an_orders_state_follows_its_message() -> None:
    order = Order.objects.create(customer=Customer.objects.create(name="A"))
    job = sms.send_quick(PHONE, "code")

    def keep(sender: type, event: Any, **_: Any) -> None:
        if sender is smsq.JobEvent and event.job_id == job:
            Order.objects.filter(pk=order.pk).update(sms_state=event.new_state)

    sms.cancel(job)
    with heard_by(keep):
        read()

    order.refresh_from_db()
    assert order.sms_state == "cancelled"


def test_a_receiver_that_always_fails_does_not_keep_later_events_from_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    jobs = [sms.send_quick(PHONE, "code") for _ in range(2)]
    failed: list[str] = []
    taken: list[str] = []

    def fail(event: Any, **_: Any) -> None:
        failed.append(event.job_id)
        raise ValueError(PHONE)

    def take(event: Any, **_: Any) -> None:
        taken.append(event.job_id)

    with caplog.at_level(logging.WARNING, "smsq"), heard_by(fail), heard_by(take):
        read(tries=3)
        read(tries=3)

    assert failed == taken == [jobs[0]] * 3 + [jobs[1]] * 3
    assert caplog.text.count("is skipped: receivers failed 3 times") == 2


def test_while_the_database_is_away_an_event_is_given_again_for_as_long_as_it_takes() -> None:
    sms.send_quick(PHONE, "code")
    tried: list[str] = []

    def need_database(event: Any, **_: Any) -> None:
        tried.append(event.id)
        if len(tried) < 20:
            raise OperationalError

    with heard_by(need_database):
        read(tries=3)

    assert len(tried) == 20
    assert len(set(tried)) == 1


def test_sigterm_ends_it_after_the_event_in_hand() -> None:
    jobs = [sms.send_quick(PHONE, "code") for _ in range(3)]
    found: list[str] = []

    def take(event: Any, **_: Any) -> None:
        found.append(event.job_id)
        if len(found) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with heard_by(take):
        call_command("smsq_events", consumer="test")  # without an end of its own
        assert found == jobs[:2]
        read()

    assert found == jobs
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_event_that_was_not_taken_when_it_ended_comes_again() -> None:
    job = sms.send_quick(PHONE, "code")
    found: list[str] = []

    def fail_and_end(event: Any, **_: Any) -> None:
        found.append(event.job_id)
        if len(found) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
            raise OperationalError

    with heard_by(fail_and_end):
        call_command("smsq_events", consumer="test")
        assert found == [job]
        read()

    assert found == [job, job]


def test_without_events_it_says_so() -> None:
    with override_settings(SMSQ={"EVENTS_KEEP_S": 0}), pytest.raises(CommandError, match="EVENTS"):
        read()

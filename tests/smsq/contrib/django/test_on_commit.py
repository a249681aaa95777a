"""What is committed is sent, what is rolled back is not, and an outage fails no request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import translation
from django.utils.functional import lazy
from phonenumber_field.phonenumber import PhoneNumber

import smsq
from smsq.contrib.django import get_queue, sms
from smsq.contrib.django.signals import not_queued
from smsq.models import BulkMessage, JobState, PersonalMessage, QuickMessage
from smsq.store import scripts
from tests.smsq.contrib.django.shop.models import Customer
from tests.smsq.contrib.django.stored import find_stored
from tests.smsq.test_frames import frames_behind
from tests.support import free_port

pytestmark = pytest.mark.usefixtures("db")

PHONE = "+375 29 123-45-67"
TEXT = "Your order 4821 is ready"


def count_jobs() -> int:
    return sum(get_queue().stats().jobs.values())


@pytest.fixture
def nowhere() -> Any:
    """Redis does not answer."""
    url = f"redis://127.0.0.1:{free_port()}/0"
    with override_settings(SMSQ={"REDIS_URL": url, "ALPHANAME_ID": "123"}):
        yield


CALLS: list[Callable[[str], None]] = [
    lambda phone: sms.send_quick_on_commit(phone, TEXT),
    lambda phone: sms.send_personal_on_commit(phone, TEXT),
    lambda phone: sms.send_quick_many_on_commit([QuickMessage(phone=phone, text=TEXT)]),
    lambda phone: sms.send_bulk_on_commit([BulkMessage(name="Sale", text=TEXT, phones=[phone])]),
]
NAMES = ["quick", "personal", "quick_many", "bulk"]


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_nothing_is_queued_before_the_commit(
    call: Callable[[str], None], smsq_settings: dict[str, object]
) -> None:
    with transaction.atomic():
        Customer.objects.create(name="A")
        call(PHONE)
        assert count_jobs() == 0

    assert count_jobs() == 1


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_what_is_rolled_back_is_never_queued(
    call: Callable[[str], None], smsq_settings: dict[str, object]
) -> None:
    def save_and_fail() -> None:
        with transaction.atomic():
            call(PHONE)
            raise LookupError

    with pytest.raises(LookupError):
        save_and_fail()

    assert count_jobs() == 0


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_a_mistake_is_raised_at_once_and_nothing_is_saved(
    call: Callable[[str], None], smsq_settings: dict[str, object]
) -> None:
    reached = []

    def save() -> None:
        with transaction.atomic():
            Customer.objects.create(name="A")
            call("12")
            reached.append("the commit")

    with pytest.raises(smsq.InvalidMessageError, match="not valid"):
        save()

    assert not reached
    assert not Customer.objects.exists()


@pytest.mark.parametrize("call", CALLS, ids=NAMES)
def test_an_outage_is_logged_and_signalled_and_never_raised(
    call: Callable[[str], None], nowhere: None, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[dict[str, Any]] = []

    def hear(**named: Any) -> None:
        heard.append(named)

    not_queued.connect(hear)
    try:
        with caplog.at_level(logging.ERROR, "smsq.contrib.django"), transaction.atomic():
            Customer.objects.create(name="A")
            call(PHONE)
    finally:
        not_queued.disconnect(hear)

    assert Customer.objects.exists()
    assert "an SMS is not queued" in caplog.text
    assert "4821" not in caplog.text
    assert "1234567" not in caplog.text
    assert isinstance(heard[0]["error"], smsq.QueueUnavailableError)


def test_an_error_that_a_receiver_reports_holds_no_text(
    smsq_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = list[Exception]()

    def break_off(connection: Any, sha: str, args: Any) -> Any:
        raise RuntimeError("nobody has foreseen this")

    def hear(error: Exception, **_: Any) -> None:
        heard.append(error)

    monkeypatch.setattr(scripts, "_evaluate", break_off)
    not_queued.connect(hear)
    try:
        sms.send_quick_on_commit(PHONE, TEXT)
    finally:
        not_queued.disconnect(hear)

    [error] = heard
    assert "foreseen" in str(error)
    for place, variables in frames_behind(error):
        assert TEXT not in str(variables), place


def test_the_signal_says_which_message_it_was(nowhere: None) -> None:
    heard: list[dict[str, Any]] = []

    def hear(**named: Any) -> None:
        heard.append(named)

    not_queued.connect(hear)
    try:
        sms.send_quick_on_commit(PHONE, TEXT, key="a", reference="order-7")
    finally:
        not_queued.disconnect(hear)

    assert (heard[0]["key"], heard[0]["reference"]) == ("a", "order-7")


def test_a_conflict_of_keys_after_the_commit_is_logged(
    smsq_settings: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    sms.send_quick(PHONE, "earlier", key="order-7")

    sms.send_quick_on_commit(PHONE, "later", key="order-7")

    assert "used before with other content" in caplog.text


def test_what_nobody_foresaw_is_logged_by_its_class_alone(
    smsq_settings: dict[str, object],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError(TEXT)

    monkeypatch.setattr(get_queue()._producer.ledger, "enqueue", fail)

    sms.send_quick_on_commit(PHONE, TEXT)

    assert "ZeroDivisionError" in caplog.text
    assert TEXT not in caplog.text


def test_nothing_is_checked_again_at_the_commit_when_a_time_may_have_passed(
    smsq_settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        later = datetime.now(UTC) + timedelta(hours=1)
        sms.send_quick_on_commit(PHONE, TEXT, send_at=later)
        monkeypatch.setattr(get_queue()._producer, "intake", None)

    assert get_queue().stats().jobs[JobState.WAITING] == 1


@pytest.fixture
def translated() -> Any:
    """A text in the language of the moment at which it is read."""
    return lazy(lambda: f"Code, {translation.get_language()}", str)()


def test_a_lazy_text_is_read_in_the_language_of_the_call(
    smsq_settings: dict[str, object], translated: Any
) -> None:
    personal = PersonalMessage(name="Bills", texts=iter([(PHONE, translated)]))
    with transaction.atomic(), translation.override("be"):
        sms.send_quick_on_commit(PHONE, translated)
        sms.send_bulk_on_commit([personal], key="bills")

    assert "Code, be" in {stored.text for stored in find_stored()}
    with translation.override("be"):
        again = sms.send_bulk([personal_of(translated)], key="bills")
    assert not again.is_new


def personal_of(text: Any) -> PersonalMessage:
    return PersonalMessage(name="Bills", texts=[(PHONE, text)])


def test_phones_may_be_phone_numbers(smsq_settings: dict[str, object]) -> None:
    sms.send_quick_on_commit(PhoneNumber.from_string(PHONE), TEXT)
    assert [stored.phone for stored in find_stored()] == ["375291234567"]

    with pytest.raises(smsq.InvalidMessageError):
        sms.send_quick_on_commit(PhoneNumber.from_string("12", region="BY"), TEXT)


def test_rows_of_a_queryset_are_read_before_the_commit(smsq_settings: dict[str, object]) -> None:
    for n, phone in enumerate([PHONE, "12", "80291234567"]):
        Customer.objects.create(name=f"c{n}", phone=phone)
    phones = Customer.objects.values_list("phone", flat=True)
    message = BulkMessage(name="Sale", text=TEXT, phones=phones)

    with pytest.raises(smsq.InvalidMessageError):
        sms.send_bulk_on_commit([message])
    with transaction.atomic():
        sms.send_bulk_on_commit([message], on_invalid="skip", on_duplicate="first")
        Customer.objects.all().delete()

    [campaign] = sms.campaigns()
    assert campaign.recipients == 1


def test_tags_that_can_be_read_once_are_there_after_the_commit(
    smsq_settings: dict[str, object],
) -> None:
    tags: Any = (name for name in ["sale", "autumn"])
    sms.send_bulk_on_commit([BulkMessage(name="Sale", text=TEXT, phones=[PHONE])], tags=tags)

    [campaign] = sms.campaigns()
    assert sms.status(campaign.id).tags == ("sale", "autumn")


@pytest.mark.parametrize("odd", [None, 7])
def test_what_is_no_list_of_messages_is_a_mistake_at_once(
    smsq_settings: dict[str, object], odd: Any
) -> None:
    with pytest.raises(smsq.InvalidMessageError, match="write a list"):
        sms.send_bulk_on_commit(odd)


def test_of_many_messages_bad_ones_may_be_left_out(smsq_settings: dict[str, object]) -> None:
    many = [QuickMessage(phone=phone, text=TEXT) for phone in (PHONE, "12")]

    sms.send_quick_many_on_commit(many, on_invalid="skip")

    assert count_jobs() == 1


def test_a_campaign_that_reaches_nobody_is_a_mistake_at_once(
    smsq_settings: dict[str, object],
) -> None:
    with pytest.raises(smsq.InvalidMessageError, match="no recipient is left"):
        sms.send_bulk_on_commit([BulkMessage(name="a", text="b", phones=["12"])], on_invalid="skip")

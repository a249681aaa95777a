"""The outbox in Django: written with the app's rows, handed over after the commit."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
import sqlalchemy as sa
from django.contrib import admin
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.test import RequestFactory, override_settings

from smsq.contrib.django import sms
from smsq.contrib.django.outbox.at_commit import get_relay
from smsq.contrib.django.outbox.models import OutboxMessage
from smsq.contrib.django.outbox.table import DjangoTable
from smsq.contrib.outbox.relay import BATCH, LEASE_MS, Relay
from smsq.contrib.outbox.table import Failed, Later, Stored
from smsq.contrib.sqlalchemy import Outbox
from smsq.errors import InvalidMessageError
from smsq.models import JobState, QuickMessage
from smsq.queue import SmsQueue
from tests.smsq.contrib.django.outbox.conftest import DATABASES
from tests.support import free_port


class TakenBackError(Exception):
    """Rolls a transaction back."""


def add_and_roll_back(using: str, text: str = "code 1") -> None:
    with transaction.atomic(using):
        add(using, text)
        raise TakenBackError


PHONE = "+375291234567"
ON_POSTGRES = pytest.mark.parametrize("using", DATABASES[1:], indirect=True)


def away() -> Any:
    """Redis is not there."""
    gone = f"redis://127.0.0.1:{free_port()}/0"
    return override_settings(SMSQ={"REDIS_URL": gone, "ALPHANAME_ID": "123"})


def add(using: str, text: str = "code 1", **options: Any) -> OutboxMessage:
    return OutboxMessage.objects.add(PHONE, text, using=using, **options)


def add_while_away(using: str, text: str = "code 1", **options: Any) -> OutboxMessage:
    with away():
        return add(using, text, **options)


def reload(row: OutboxMessage, using: str) -> OutboxMessage:
    again: OutboxMessage = OutboxMessage.objects.using(using).get(pk=row.pk)
    return again


def run(using: str, *arguments: str) -> tuple[str, int]:
    """Run the relay's command; returns what it says and its exit code."""
    out = StringIO()
    try:
        call_command("smsq_relay", *arguments, database=using, stdout=out)
    except SystemExit as left:
        return out.getvalue(), int(str(left.code))
    return out.getvalue(), 0


def count_queued() -> int:
    return sms.stats().jobs[JobState.QUEUED]


def test_a_row_is_handed_over_right_after_its_commit(using: str) -> None:
    with transaction.atomic(using):
        row = add(using, priority="urgent")
        assert count_queued() == 0

    assert reload(row, using).state == "stored"
    assert sms.status(reload(row, using).job_id).state == "queued"


def test_neither_phone_nor_text_stays_in_a_row_that_is_stored(using: str) -> None:
    row = reload(add(using, "code 4821"), using)

    assert (row.phone, row.text, row.options, row.masked_phone) == ("", "", "", "")


def test_a_row_that_is_rolled_back_is_never_sent(using: str) -> None:
    with pytest.raises(TakenBackError):
        add_and_roll_back(using)

    assert run(using, "--once") == ("", 0)
    assert count_queued() == 0


def test_a_savepoint_that_is_rolled_back_takes_its_message_along(using: str) -> None:
    with transaction.atomic(using):
        with pytest.raises(TakenBackError):
            add_and_roll_back(using, "taken back")
        add(using, "kept")
        with pytest.raises(TakenBackError):
            add_and_roll_back(using, "taken back, too")

    assert count_queued() == 1
    assert OutboxMessage.objects.using(using).count() == 1


def test_an_outage_at_the_commit_loses_nothing_and_raises_nothing(
    using: str, caplog: pytest.LogCaptureFixture
) -> None:
    row = add_while_away(using, "code 4821")
    assert reload(row, using).state == "waiting"
    assert "4821" not in caplog.text
    assert "1234567" not in caplog.text

    assert run(using, "--once") == ("", 0)
    assert reload(row, using).state == "stored"
    assert count_queued() == 1


def test_a_mistake_is_raised_at_once_and_the_transaction_goes_on(using: str) -> None:
    with transaction.atomic(using):
        with pytest.raises(InvalidMessageError, match="phone"):
            OutboxMessage.objects.add("abc", "code", using=using)
        add(using)

    assert count_queued() == 1


def test_a_request_that_writes_many_rows_hands_over_one_batch(using: str) -> None:
    messages = [QuickMessage(phone=PHONE, text=str(n)) for n in range(BATCH + 5)]
    with transaction.atomic(using):
        OutboxMessage.objects.add_many(messages, using=using)
        add(using, "one more")

    assert count_queued() == BATCH
    assert run(using, "--once") == ("", 0)
    assert count_queued() == BATCH + 6


def test_a_relay_that_is_killed_after_it_handed_a_row_over_repeats_it_harmlessly(
    using: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = add_while_away(using)
    now_ms = DjangoTable(using).now_ms()
    with monkeypatch.context() as patch:
        patch.setattr(DjangoTable, "settle", lambda *_, **__: 1 / 0)  # killed here
        with pytest.raises(ZeroDivisionError):
            Relay(DjangoTable(using), sms).step()

    assert get_relay(using).step() == 0  # the dead relay's claim holds
    monkeypatch.setattr(DjangoTable, "now_ms", lambda _: now_ms + 2 * LEASE_MS)
    assert get_relay(using).step() == 1
    assert reload(row, using).state == "stored"
    assert count_queued() == 1


def test_two_relays_never_claim_one_row_and_urgent_ones_go_first(using: str) -> None:
    for priority in ("bulk", "normal", "urgent"):
        add_while_away(using, priority, priority=priority)
    table = DjangoTable(using)
    now_ms = table.now_ms()

    taken = [
        [row.text for row in table.claim(str(n), now_ms=now_ms, until_ms=now_ms + 9, limit=2)]
        for n in range(3)
    ]

    assert taken == [["urgent", "normal"], ["bulk"], []]


def test_a_failed_row_is_shown_corrected_and_retried(using: str) -> None:
    row = add_while_away(using)
    rows = OutboxMessage.objects.using(using).filter(pk=row.pk)
    rows.update(phone="12")
    assert run(using, "--once") == ("", 0)

    said, code = run(using, "--failed", "--json")
    [failed] = json.loads(said)["failed"]
    assert (failed["id"], failed["code"], code) == (str(row.pk), "phone_invalid", 0)
    assert f"{row.pk}" in run(using, "--failed")[0]
    rows.update(phone=PHONE)
    assert run(using, "--retry", str(row.pk)) == ("1 retried\n", 0)
    assert run(using, "--once") == ("", 0)
    assert reload(row, using).state == "stored"
    assert run(using, "--retry", str(row.pk)) == ("0 retried\n", 1)


def test_failed_rows_are_dropped_when_somebody_says_so(using: str) -> None:
    row = add_while_away(using)
    DjangoTable(using).settle({row.pk: Failed("invalid", "phone")}, now_ms=1)

    assert run(using, "--drop", "all") == ("1 dropped\n", 0)
    assert OutboxMessage.objects.using(using).count() == 0


def test_the_status_is_an_alarm_when_the_oldest_row_waits_for_too_long(using: str) -> None:
    assert run(using, "--status", "--max-age-s", "60") == (
        "0 waiting, the oldest for 0.0 s; 0 failed\n",
        0,
    )
    add_while_away(using)
    OutboxMessage.objects.using(using).update(waiting_since_ms=0)

    said, code = run(using, "--status", "--max-age-s", "60", "--json")

    assert code == 1
    assert json.loads(said)["waiting"] == 1
    assert json.loads(said)["oldest_waiting_s"] > 60


def test_a_database_that_does_not_answer_is_one_sentence(
    using: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise OperationalError("4821")

    monkeypatch.setattr(DjangoTable, "status", lost)

    said = "the database has no answer (OperationalError)\n"
    assert run(using, "--status") == (said, 3)


@ON_POSTGRES
def test_a_relay_takes_up_a_connection_that_was_lost(using: str) -> None:
    row = add_while_away(using)
    connection = connections[using]
    connection.ensure_connection()
    connection.connection.close()
    relay = Relay(DjangoTable(using), sms)

    assert relay.turn() > 0
    assert relay.turn() == 0.0
    assert reload(row, using).state == "stored"


def test_a_relay_that_comes_late_changes_nothing_of_a_row_that_is_stored(using: str) -> None:
    row, table = add_while_away(using), DjangoTable(using)
    table.settle({row.pk: Stored("j1")}, now_ms=1)
    table.settle({row.pk: Later(5)}, now_ms=2)
    table.settle({row.pk: Failed("invalid", "phone")}, now_ms=3)

    again = reload(row, using)
    assert (again.state, again.job_id, again.ended_at_ms) == ("stored", "j1", 1)
    assert again.not_before_ms > 5


def test_rows_that_ended_long_ago_are_deleted(using: str) -> None:
    stored, waits = add_while_away(using), add_while_away(using)
    table = DjangoTable(using)
    table.settle({stored.pk: Stored("j1")}, now_ms=5)

    assert table.prune(before_ms=6, limit=10) == 1
    assert [row.pk for row in OutboxMessage.objects.using(using).all()] == [waits.pk]


def test_the_migration_makes_the_table_that_the_model_has(db: None) -> None:
    call_command("makemigrations", "smsq_outbox", check=True, dry_run=True, verbosity=0)


@ON_POSTGRES
def test_a_relay_on_sqlalchemy_takes_rows_of_django(using: str, queue: SmsQueue) -> None:
    row = add_while_away(using)
    options = connections[using].settings_dict
    url = f"postgresql+psycopg://postgres@127.0.0.1:{options['PORT']}/postgres"
    engine = sa.create_engine(f"{url}?options=-csearch_path%3D{using}")

    assert Outbox(sa.MetaData(), queue).relay(engine).step() == 1
    engine.dispose()
    assert reload(row, using).state == "stored"


def test_the_admin_shows_no_text_and_retries_failed_rows(
    using: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = add_while_away(using, "code 4821")
    DjangoTable(using).settle({row.pk: Failed("invalid", "phone")}, now_ms=1)
    page = admin.site.get_model_admin(OutboxMessage)
    request = RequestFactory().get("/")
    said: list[str] = []
    monkeypatch.setattr(page, "message_user", lambda _, words: said.append(words))

    page.retry(request, OutboxMessage.objects.using(using).all())

    assert said == ["1 to be tried again"]
    assert reload(row, using).state == "waiting"
    assert "text" not in page.fields
    assert not page.has_add_permission(request)
    assert not page.has_delete_permission(request)

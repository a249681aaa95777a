from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

import smsq
import smsq.testing
from smsq.options import QuickOptions
from smsq.store import detour
from smsq.testing import Outbox, OutboxMixin, outbox

#: As in a web app's module, made long before any fixture; nobody listens there.
queue = smsq.SmsQueue("redis://127.0.0.1:9/0", settings=None)

PHONE, TEXT = "+375 29 123-45-67", "Your code is 4821"


@contextmanager
def detour_ended() -> Iterator[None]:
    """As outside of a test: the real Redis, which nobody has started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detour, "current", None)
        yield


def send(phone: str = PHONE, text: str = TEXT, **options) -> smsq.StoredId:
    return queue.send_quick(phone, text, alphaname_id="123", **options)


def test_a_queue_made_at_import_fills_the_outbox(sms_outbox: Outbox) -> None:
    before = datetime.now(UTC)

    job = send(priority="urgent", key="login-8812", expires_in_s=300)

    [message] = sms_outbox
    assert message.id == message.job_id == job
    assert (message.phone, message.text) == ("375291234567", TEXT)
    assert (message.sender, message.priority, message.key) == ("123", "urgent", "login-8812")
    assert message.send_at is None
    assert message.expires_at
    assert timedelta(seconds=299) < message.expires_at - before < timedelta(seconds=360)
    assert queue.status(job).state == "queued"


@pytest.mark.parametrize("spelling", ["375291234567", "80 29 123 45 67", "+375-29-1234567"])
def test_a_phone_is_found_in_any_spelling(sms_outbox: Outbox, spelling: str) -> None:
    send()
    send("+375291234568")

    assert [message.text for message in sms_outbox.to(spelling)] == [TEXT]


def test_who_looks_for_what_is_no_phone_is_told(sms_outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="'abc' is no phone"):
        sms_outbox.to("abc")


def test_two_tests_do_not_see_each_others_messages(sms_outbox: Outbox) -> None:
    assert not sms_outbox
    send(key="the same")
    with outbox() as another:
        assert another == []
        job = send(key="the same", text="Another text")
        assert another[0].id == job
    assert len(sms_outbox) == 1


def test_checks_are_those_of_the_real_queue(sms_outbox: Outbox) -> None:
    with pytest.raises(smsq.InvalidMessageError, match="phone without digits is not valid"):
        send("abc")
    send(key="once")
    with pytest.raises(smsq.KeyConflictError):
        send(key="once", text="Another text")
    assert send(key="once").is_new is False

    assert len(sms_outbox) == 1


def test_an_outage_is_played_until_it_is_over(sms_outbox: Outbox) -> None:
    sms_outbox.fails = smsq.QueueUnavailableError("down", may_be_stored=True)
    for _ in range(2):
        with pytest.raises(smsq.QueueUnavailableError, match="down") as raised:
            send()
        assert raised.value.may_be_stored
    assert not sms_outbox

    sms_outbox.fails = None
    send()
    assert sms_outbox.to(PHONE)


def test_each_kind_of_sending_is_there_in_its_order(sms_outbox: Outbox) -> None:
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    first = send(send_at=in_an_hour)
    second = queue.send_personal(PHONE, "Paid", alphaname_id="7", key="paid-1", expires_in_s=60)
    third = queue.send_personal("+375291234568", "Paid too", alphaname_id="7", key="paid-2")
    several = queue.send_quick_many(
        [
            smsq.QuickMessage(
                phone=f"+37529123456{i}", text=f"no {i}", alphaname_id="7", gather=i == 1
            )
            for i in range(3)
        ]
    )
    campaign = queue.send_bulk(
        [
            smsq.BulkMessage(name="Sale", text="Half price", phones=[PHONE], alphaname_id="7"),
            smsq.PersonalMessage(name="Bills", texts=[(PHONE, "You owe 3")], alphaname_id="8"),
        ],
        key="sale",
    )

    sent = [(one.id, one.text) for one in sms_outbox if one.id not in several]
    assert sent == [
        (first, TEXT),
        (second, "Paid"),
        (third, "Paid too"),
        (campaign, "Half price"),
        (campaign, "You owe 3"),
    ]
    assert {one.id: one.text for one in sms_outbox if one.id in several} == {
        some_id: f"no {i}" for i, some_id in enumerate(several)
    }
    assert [one.key for one in sms_outbox.to(PHONE)] == [None, "paid-1", "sale", "sale"]
    assert sms_outbox[0].send_at
    assert abs(sms_outbox[0].send_at - in_an_hour) < timedelta(minutes=1)
    assert sms_outbox[1].expires_at
    assert sms_outbox[-1].sender == "8"


def test_a_campaign_in_the_making_is_not_there_yet(sms_outbox: Outbox) -> None:
    draft = queue._bulk.draft()
    draft.discard()

    assert not sms_outbox


def test_a_message_that_was_cancelled_is_still_there(sms_outbox: Outbox) -> None:
    job = send()
    queue.cancel(job)

    assert sms_outbox[0].text == TEXT
    assert queue.status(job).state == "cancelled"


class TestUnittest(OutboxMixin):
    def test_each_test_has_its_own(self) -> None:
        assert not self.sms_outbox
        send()
        assert len(self.sms_outbox) == 1

    test_and_the_next_too = test_each_test_has_its_own


def test_the_plugin_imports_nothing_before_a_fixture_is_asked_for() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import smsq.testing.plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert set(answer.stdout.split()) <= {"smsq", "smsq.testing", "smsq.testing.plugin"}


def test_who_lacks_the_extra_is_told_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("smsq.testing.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fakeredis", None)

    with pytest.raises(ImportError, match=r"needs fakeredis: pip install 'smsq\[testing\]'"):
        _ = smsq.testing.outbox


def test_an_async_queue_fills_it_too(sms_outbox: Outbox) -> None:
    async def run() -> str:
        async with smsq.AsyncSmsQueue("redis://127.0.0.1:9/0") as queue:
            return await queue.send_quick(PHONE, TEXT, alphaname_id="123")

    assert asyncio.run(run()) == sms_outbox[0].id


def test_an_outage_of_before_is_not_in_its_way(sms_outbox: Outbox) -> None:
    with detour_ended():
        for _ in range(4):
            with pytest.raises(smsq.QueueUnavailableError):
                send()

    send()
    assert len(sms_outbox) == 1


def test_no_connection_is_made(sms_outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError(f"somebody connects to {args[1:]}")

    monkeypatch.setattr("socket.socket.connect", refuse)
    send()
    queue.send_bulk(
        [smsq.BulkMessage(name="Sale", text="Half price", phones=[PHONE], alphaname_id="7")]
    )

    assert re.fullmatch("j[0-9a-f]{16}", sms_outbox[0].id)


@pytest.mark.skipif("reference" not in QuickOptions.__annotations__, reason="not there yet")
def test_the_callers_own_names_are_there(sms_outbox: Outbox) -> None:
    send(reference="order-77", tags=["orders"])
    send(text="Paid", gather=True, reference="order-78")
    send()

    assert [sms.reference for sms in sms_outbox] == ["order-77", "order-78", None]
    assert [sms.tags for sms in sms_outbox] == [("orders",), (), ()]

"""The gateway of a test: real requests, magic numbers, a clock that nobody waits for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import smsq
from smsq.testing import Outbox, SmsGateway, gateway

queue = smsq.SmsQueue("redis://127.0.0.1:9/0")

PHONE, TEXT = "+375 29 123-45-67", "Your code is 4821"


def send(phone: str = PHONE, **options) -> smsq.StoredId:
    return queue.send_quick(phone, TEXT, alphaname_id="123", **options)


def test_a_code_is_delivered_without_waiting(sms_gateway: SmsGateway) -> None:
    job = send()

    sms_gateway.drain()

    assert queue.status(job).state == "done"
    assert sms_gateway.outbox[0].delivered
    assert sms_gateway.accepted == {("375291234567", TEXT): 1}


def test_nothing_is_left_behind_that_became_due_while_others_had_their_turn(
    sms_gateway: SmsGateway, sms_outbox: Outbox
) -> None:
    for _ in range(3):
        send()
    message = smsq.BulkMessage(name="Sale", text=TEXT, phones=[PHONE], alphaname_id="123")
    campaign = queue.send_bulk([message])

    sms_gateway.drain()

    assert [sms.delivered for sms in sms_outbox] == [True] * 4
    assert queue.status(campaign).delivered


def test_a_canary_whose_reports_are_good_lets_the_rest_go(
    sms_gateway: SmsGateway, sms_outbox: Outbox
) -> None:
    phones = [f"+37529123{n}" for n in range(5000, 5020)]
    message = smsq.BulkMessage(name="Sale", text=TEXT, phones=phones, alphaname_id="123")
    campaign = queue.send_bulk([message], canary=5)

    sms_gateway.drain()

    assert queue.status(campaign).delivered


@pytest.mark.parametrize(
    ("digits", "state", "delivered"),
    [
        ("0410", "done", False),
        ("0400", "rejected", False),
        ("0401", "done", True),
        ("0429", "done", True),
        ("0500", "done", True),
        ("0599", "dead", False),
        ("0408", "unknown", None),
        ("0499", "unknown", None),
        ("0502", "unknown", None),
    ],
)
def test_magic_numbers_end_as_on_a_real_gateway(
    sms_gateway: SmsGateway, sms_outbox: Outbox, digits: str, state: str, delivered: bool | None
) -> None:
    send(f"+37529123{digits}")

    sms_gateway.drain()

    assert (sms_outbox[0].state, sms_outbox[0].delivered) == (state, delivered)


def test_the_clock_moves_polls_and_delivery(sms_gateway: SmsGateway, sms_outbox: Outbox) -> None:
    sms_gateway.change(sent_after_s=0, final_after_s=7200)
    send()

    sms_gateway.drain(for_s=60)
    assert sms_outbox[0].state == "accepted"
    sms_gateway.clock.advance(hours=2)
    sms_gateway.drain()
    assert sms_outbox[0].delivered


def test_a_message_without_a_report_ends_with_the_reporting_period(
    sms_gateway: SmsGateway, sms_outbox: Outbox
) -> None:
    sms_gateway.change(visible_after_s=10**9)
    job = send()

    sms_gateway.drain(for_s=4 * 86_400)

    assert queue.status(job).counts == {"no_report": 1}
    assert sms_outbox[0].delivered is False


def test_what_is_due_later_stays_until_its_time_has_come(sms_gateway: SmsGateway) -> None:
    send(send_at=datetime.now(UTC) + timedelta(days=1))

    sms_gateway.drain()
    assert not sms_gateway.accepted
    sms_gateway.clock.advance(days=1)
    sms_gateway.drain()
    assert sms_gateway.outbox[0].delivered


def test_a_code_expires_when_nobody_sends_it(sms_gateway: SmsGateway) -> None:
    job = send(expires_in_s=300)

    sms_gateway.clock.advance(minutes=6)
    sms_gateway.drain()

    assert queue.status(job).state == "expired"
    assert not sms_gateway.accepted


def test_campaigns_and_gathered_sends_get_their_receipts(sms_gateway: SmsGateway) -> None:
    numbers = [f"+37529{1234567 + i}" for i in range(5)]
    sale = smsq.BulkMessage(name="Sale", text="Half price", phones=numbers, alphaname_id="123")
    bills = smsq.PersonalMessage(name="Bills", texts=[(PHONE, "You owe 3")], alphaname_id="123")
    campaign = queue.send_bulk([sale, bills])
    mine = queue.send_personal(PHONE, "Paid", alphaname_id="123")

    sms_gateway.drain()

    assert queue.status(campaign).counts == {"delivered": 6}
    assert queue.status(mine).state == "done"
    assert all(sms.delivered for sms in sms_gateway.outbox)


def test_a_refused_phone_does_not_keep_the_others_back(sms_gateway: SmsGateway) -> None:
    sms_gateway.change(rate_per_s=0)
    for i in range(5):
        send(f"+37529123{(401, 400, 599, 567, 568)[i]:04}")

    sms_gateway.drain()

    states = [sms.state for sms in sms_gateway.outbox]
    assert states == ["done", "rejected", "dead", "done", "done"]


def test_a_paused_queue_sends_nothing(sms_gateway: SmsGateway) -> None:
    numbers = [f"+37529{1234567 + i}" for i in range(5)]
    sale = smsq.BulkMessage(name="Sale", text="Half price", phones=numbers, alphaname_id="123")
    campaign = queue.send_bulk([sale])
    queue.pause(campaign)

    sms_gateway.drain()

    assert not sms_gateway.accepted
    queue.resume(campaign)
    sms_gateway.drain()
    assert len(sms_gateway.accepted) == 5


def test_without_pytest_it_is_a_block() -> None:
    with gateway(undelivered_share=1) as simulated:
        send()
        simulated.drain()

        assert simulated.outbox[0].delivered is False


def test_a_clock_does_not_go_back(sms_outbox: Outbox) -> None:
    with pytest.raises(ValueError, match="time does not go back"):
        sms_outbox.clock.advance(-1)


def test_a_day_put_ahead_in_one_test_is_no_restored_ledger_for_the_next() -> None:
    for _ in range(2):
        with gateway() as simulated:
            simulated.clock.advance(days=1)
            send()
            simulated.drain()
            assert simulated.outbox[0].delivered
    with gateway() as simulated:
        send()
        simulated.drain()
        assert simulated.outbox[0].delivered

"""A message taken to a state by a test: the ledger and its events are as after a worker's work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import smsq
from smsq.testing import Outbox

queue = smsq.SmsQueue("redis://127.0.0.1:9/0")

PHONE = "+375 29 123-45-67"


def send(phone: str = PHONE, **options) -> smsq.StoredId:
    return queue.send_quick(phone, "Your code is 4821", alphaname_id="123", **options)


def send_campaign(phones: int = 3) -> smsq.StoredId:
    numbers = [f"+37529{1234567 + i}" for i in range(phones)]
    sale = smsq.BulkMessage(name="Sale", text="Half price", phones=numbers, alphaname_id="123")
    return queue.send_bulk([sale])


@pytest.mark.parametrize(
    ("state", "delivered"),
    [
        *(("accepted", None), ("sent", None), ("delivered", True), ("undelivered", False)),
        *(("rejected", False), ("unknown", None), ("dead", False)),
        *(("expired", False), ("cancelled", False)),
    ],
)
def test_a_code_becomes_what_the_test_says(
    sms_outbox: Outbox, state: str, delivered: bool | None
) -> None:
    other, job = send(), send("+375291234568")

    sms_outbox[1].becomes(state)

    is_final = state in {"delivered", "undelivered"}
    assert sms_outbox[1].state == ("done" if is_final else "accepted" if state == "sent" else state)
    assert sms_outbox[1].delivered is delivered
    assert queue.status(job).is_final is (state not in {"accepted", "sent", "unknown"})
    assert queue.status(other).state == "queued"
    assert sms_outbox[0].delivered is None


def test_a_row_of_a_campaign_is_reported_alone(sms_outbox: Outbox) -> None:
    campaign = send_campaign()

    sms_outbox[0].becomes("delivered")
    sms_outbox[1].becomes("undelivered")

    assert queue.status(campaign).counts == {"delivered": 1, "undelivered": 1, "pending": 1}
    assert [sms.delivered for sms in sms_outbox] == [True, False, None]
    sms_outbox[2].becomes("sent")
    assert queue.status(campaign).state == "accepted"


def test_a_gathered_send_goes_with_its_job(sms_outbox: Outbox) -> None:
    mine = queue.send_personal(PHONE, "Paid", alphaname_id="123")
    theirs = queue.send_personal("+375291234568", "Paid too", alphaname_id="123")

    sms_outbox[0].becomes("delivered")

    assert queue.status(mine).state == "done"
    assert queue.status(theirs).state == "accepted"


def test_a_message_for_later_is_sent_when_its_time_has_come(sms_outbox: Outbox) -> None:
    send(send_at=datetime.now(UTC) + timedelta(hours=1))

    sms_outbox[0].becomes("delivered")

    assert sms_outbox.clock.now() - datetime.now(UTC) > timedelta(minutes=59)


def test_a_final_state_does_not_move_back(sms_outbox: Outbox) -> None:
    send()
    sms_outbox[0].becomes("delivered")

    with pytest.raises(ValueError, match="its recipient delivered: from there it is never"):
        sms_outbox[0].becomes("undelivered")
    with pytest.raises(ValueError, match="no worker would send"):
        sms_outbox[0].becomes("rejected")
    with pytest.raises(ValueError, match="'sending' is no state to go to: write one of sent"):
        sms_outbox[0].becomes("sending")


def test_who_has_opted_out_gets_nothing(sms_outbox: Outbox) -> None:
    queue.optout.add([PHONE])
    send()

    with pytest.raises(ValueError, match="no worker would send"):
        sms_outbox[0].becomes("delivered")
    assert queue.status(sms_outbox[0].id).counts == {"withheld": 1}


def test_its_events_come_as_from_a_worker(sms_outbox: Outbox) -> None:
    with queue.events(group="shop", consumer="test", block_s=0.1) as events:
        assert not list(events)
        send()
        sms_outbox[0].becomes("delivered")
        seen = list(events)

    states = [event.new_state for event in seen if isinstance(event, smsq.JobEvent)]
    assert states == ["queued", "submitting", "accepted", "done"]
    [report] = (event for event in seen if isinstance(event, smsq.RecipientEvent))
    assert report.new_state == "delivered"

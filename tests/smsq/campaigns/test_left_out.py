"""A campaign from code: bad rows stop it, or are left out and told."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import pytest

import smsq
from smsq.intake.recipients import MOST_REJECTED
from tests.smsq.world import World

PHONES = ["+375 29 100-00-01", "12", "+375 29 100-00-02", "+375291000001", "+375 29 100-00-03"]
SALE = smsq.BulkMessage(name="Sale", text="half price", phones=PHONES)


def told(campaign: smsq.StoredCampaign) -> list[tuple[int | None, int | None, str | None, str]]:
    return [(m.message_number, m.place, m.phone, m.code) for m in campaign.rejected]


def phones_of(queue: smsq.SmsQueue, campaign: str) -> list[str]:
    return sorted(recipient.phone for recipient in queue.recipients(campaign))


def test_one_bad_phone_does_not_stop_the_rest(queue: smsq.SmsQueue) -> None:
    campaign = queue.send_bulk([SALE], on_invalid="skip", on_duplicate="first")

    assert (campaign.accepted, campaign.rejected_count) == (3, 2)
    assert told(campaign) == [
        (1, 2, "**", "phone_invalid"),
        (1, 4, "+375*******01", "phone_repeated"),
    ]
    assert phones_of(queue, campaign) == ["375291000001", "375291000002", "375291000003"]
    assert queue.campaign(campaign).recipients == 3  # the id is a string for every use


def test_unless_it_is_asked_for_a_bad_row_stops_all(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_bulk([SALE])
    assert [(m.place, m.code) for m in caught.value.mistakes] == [
        (2, "phone_invalid"),
        (4, "phone_repeated"),
    ]
    with pytest.raises(smsq.InvalidMessageError, match="occurs twice"):
        queue.send_bulk([SALE], on_invalid="skip")
    with pytest.raises(smsq.InvalidMessageError, match="not valid"):
        queue.send_bulk([SALE], on_duplicate="first")
    assert queue.campaigns() == []


def test_a_campaign_without_bad_rows_says_so(queue: smsq.SmsQueue) -> None:
    campaign = queue.send_bulk([replace(SALE, phones=PHONES[:1])])

    assert (campaign.accepted, campaign.rejected, campaign.rejected_count) == (1, (), 0)


def test_own_texts_are_rows_too_and_a_bad_row_does_not_take_a_good_ones_place(
    queue: smsq.SmsQueue,
) -> None:
    texts = [(PHONES[0], ""), (PHONES[0], "You owe 5"), ("no pair",), (PHONES[2], "You owe 7")]
    bills = smsq.PersonalMessage(name="Bills", texts=texts)  # type: ignore[arg-type]
    campaign = queue.send_bulk([bills, SALE], on_invalid="skip", on_duplicate="first")

    assert campaign.accepted == 5
    assert told(campaign)[:2] == [(1, 1, None, "text_empty"), (1, 3, None, "recipients_type")]


def test_what_is_wrong_with_the_message_itself_is_never_left_out(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError, match="text is empty"):
        queue.send_bulk([replace(SALE, text="")], on_invalid="skip", on_duplicate="first")


def test_a_campaign_of_nobody_is_refused_with_the_rows(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_bulk([replace(SALE, phones=["1", "2"])], on_invalid="skip")
    assert [m.code for m in caught.value.mistakes] == [
        *("recipients_empty", "phone_invalid", "phone_invalid"),
    ]


def test_a_call_that_is_repeated_with_its_key_says_the_same(queue: smsq.SmsQueue) -> None:
    calls = [
        queue.send_bulk([SALE], key=8812, on_invalid="skip", on_duplicate="first") for _ in range(2)
    ]

    assert [call.is_new for call in calls] == [True, False]
    assert calls[0] == calls[1]
    assert told(calls[0]) == told(calls[1])
    twin = pickle.loads(pickle.dumps(calls[0]))
    assert (twin, twin.accepted, twin.rejected) == (calls[0], 3, calls[0].rejected)


def test_rejects_are_all_counted_and_few_are_kept(queue: smsq.SmsQueue, world: World) -> None:
    def phones() -> Iterator[str]:
        yield PHONES[0]
        for i in range(MOST_REJECTED + 500):
            yield str(i)

    campaign = queue.send_bulk([replace(SALE, phones=phones())], on_invalid="skip")

    assert campaign.rejected_count == MOST_REJECTED + 500
    assert len(campaign.rejected) == MOST_REJECTED


def test_a_word_that_is_none_is_told_the_words(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_bulk([SALE], on_invalid="ignore", on_duplicate=None)  # type: ignore[arg-type]
    assert list(caught.value.mistakes) == [
        "on_invalid: write one of: refuse, skip",
        "on_duplicate: write one of: refuse, first",
    ]

"""Where messages may go: regions and types of numbers are looked at when a call is checked."""

from __future__ import annotations

import pytest

from smsq.errors import InvalidMessageError
from smsq.intake.phones import read_destination
from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings

HOME, HOME_FIXED, POLISH, SATELLITE = (
    "+375291234567",
    "+375172001234",
    "+48501234567",
    "+881612345678",
)
PREMIUM = "+48701234567"


def code_of(phone: str, **environ: str) -> str:
    _, mistake = read_destination(phone, Settings.from_env(environ))
    return mistake.code if mistake else ""


@pytest.mark.parametrize(
    ("phone", "environ", "code"),
    [
        (HOME, {}, ""),
        (HOME_FIXED, {}, "phone_number_type"),
        (POLISH, {}, "phone_region"),
        (SATELLITE, {}, "phone_number_type"),
        (POLISH, {"SMSQ_ALLOWED_REGIONS": "BY,PL"}, ""),
        (POLISH, {"SMSQ_ALLOWED_REGIONS": "*"}, ""),
        (HOME, {"SMSQ_ALLOWED_REGIONS": "PL"}, "phone_region"),
        (SATELLITE, {"SMSQ_ALLOWED_REGIONS": "*"}, "phone_number_type"),
        (SATELLITE, {"SMSQ_ALLOWED_NUMBER_TYPES": "mobile,global"}, ""),
        (PREMIUM, {"SMSQ_ALLOWED_REGIONS": "*"}, "phone_number_type"),
        (PREMIUM, {"SMSQ_ALLOWED_REGIONS": "*", "SMSQ_ALLOWED_NUMBER_TYPES": "*"}, ""),
        (HOME, {"SMSQ_ALLOWED_NUMBER_TYPES": "fixed"}, "phone_number_type"),
        ("+12025550123", {"SMSQ_DEFAULT_REGION": "US"}, ""),
        ("+375231234567", {"SMSQ_ACCEPT_UNKNOWN_RANGES": "1"}, ""),
        ("+48231234", {"SMSQ_ACCEPT_UNKNOWN_RANGES": "1"}, "phone_invalid"),
    ],
)
def test_a_phone_may_be_sent_to_or_a_word_says_why_not(
    phone: str, environ: dict[str, str], code: str
) -> None:
    assert code_of(phone, **environ) == code


def test_the_mistake_says_the_setting_and_masks_the_phone() -> None:
    _, mistake = read_destination(POLISH, Settings.from_env({}))

    assert mistake is not None
    assert "write BY,PL" in mistake
    assert "SMSQ_ALLOWED_REGIONS" in mistake
    assert "+485******67" in mistake
    assert "501234" not in mistake


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SMSQ_ALLOWED_REGIONS": ""}


def test_a_call_is_refused_and_a_campaign_puts_the_row_to_the_rejected(queue: SmsQueue) -> None:
    with pytest.raises(InvalidMessageError, match="SMSQ_ALLOWED_REGIONS"):
        queue.send_quick(POLISH, "code")

    sale = BulkMessage(name="Sale", text="sale", phones=[HOME, POLISH, HOME_FIXED])
    campaign = queue.send_bulk([sale], on_invalid="skip")
    assert campaign.accepted == 1
    assert [m.code for m in campaign.rejected] == ["phone_region", "phone_number_type"]

"""What kind of number a phone is."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.number_kinds import GLOBAL, KINDS, UNKNOWN, kind_of, kind_of_block


@pytest.mark.parametrize(
    ("phone", "kind"),
    [
        ("375291234567", "mobile"),
        ("375172001234", "fixed"),
        ("12025550123", "fixed_or_mobile"),
        ("78005553535", "toll_free"),
        ("447012345678", "personal"),
        ("881612345678", GLOBAL),
        ("88213300655", GLOBAL),
        ("3752", UNKNOWN),
    ],
)
def test_kinds(phone: str, kind: str) -> None:
    assert kind_of(phone) == kind


@given(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)), st.integers(0, 9999))
def test_a_block_is_of_the_kind_of_its_numbers_or_the_number_itself_is_asked(
    region: str, end: int
) -> None:
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if example is None:
        return
    phone = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]

    assert {kind_of(phone), kind_of_block(phone[:-4] + f"{end:04}")} <= KINDS | {UNKNOWN}
    assert kind_of(phone) in {"mobile", "fixed_or_mobile"}

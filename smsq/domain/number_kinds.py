"""What kind of number a phone is: mobile, premium, satellite. Pure.

In:  phones in the gateway's form. Out: one of `KINDS`.
"""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType as Type

#: Numbers of no country: satellites, ships, networks of their own.
GLOBAL = "global"
#: Of a range that is on no list; only SMSQ_ACCEPT_UNKNOWN_RANGES lets it in.
UNKNOWN = "unknown"

_NAMES = {
    Type.MOBILE: "mobile",
    Type.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    Type.FIXED_LINE: "fixed",
    Type.PREMIUM_RATE: "premium",
    Type.TOLL_FREE: "toll_free",
    Type.SHARED_COST: "shared_cost",
    Type.VOIP: "voip",
    Type.PERSONAL_NUMBER: "personal",
    Type.PAGER: "pager",
    Type.UAN: "company",
    Type.VOICEMAIL: "voicemail",
}
KINDS = frozenset({*_NAMES.values(), GLOBAL})

_NO_COUNTRY = "001"
#: The digits at a phone's end rarely say what kind it is.
_TAIL = 4


def kind_of(phone: str) -> str:
    """Say what kind of number a phone in the gateway's form is."""
    return _kind_of(phone)


def kind_of_block(phone: str) -> str:
    """Say what kind a phone's neighbours are, which is mostly its own; a million rows ask once."""
    return _kind_of_head(phone[:-_TAIL], len(phone))


@lru_cache(maxsize=65_536)
def _kind_of_head(head: str, digits: int) -> str:
    return _kind_of(head.ljust(digits, "1"))


def _kind_of(phone: str) -> str:
    try:
        number = phonenumbers.parse(f"+{phone}")
    except phonenumbers.NumberParseException:
        return UNKNOWN
    if phonenumbers.region_code_for_country_code(number.country_code or 0) == _NO_COUNTRY:
        return GLOBAL
    return _NAMES.get(phonenumbers.number_type(number), UNKNOWN)

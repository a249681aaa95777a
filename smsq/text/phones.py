"""Phones: their normal form, and their masks. Pure.

In:  what a caller wrote. Out: what the gateway takes, or one sentence saying what to write instead.
"""

from __future__ import annotations

import re

import phonenumbers

from smsq.mistakes import Mistake, MistakeCode
from smsq.options import Phone
from smsq.text.layout import find_unseen, is_rounded, strip_layout
from smsq.text.phone_typos import is_one_slip_away, is_trunk_doubled
from smsq.text.usual_spellings import read_usual

_NOT_IN_PHONES = re.compile(r"[^\d\s()+.\-\u2010-\u2015\u2212\u00a0]")
_SHOWN_HEAD, _SHOWN_TAIL = 3, 2
#: No phone has more digits (E.164).
_MOST_DIGITS = 15
#: A number with its country code but without a mark has so many digits, or may be a national one of
#: any country, our own included.
_LEAST_ABROAD = 11


def normalize_phone(raw: Phone, region: str = "BY", *, accept_unknown: bool = False) -> str | None:
    """Bring a phone to the gateway's form: country code and number, digits only.

    A number without plus is a national one where it can be. Else its country code may stand in
    front, after 00 or nothing, as databases often have it; but only where no slip of a finger makes
    a national number of it.

    Args:
        raw: As people write it: `+375 29 123-45-67`, `80 29 1234567`, `375291234567`; or a
            `PhoneNumber` of django-phonenumber-field.
        region: Region of national numbers, as `SMSQ_DEFAULT_REGION` says it for calls.
        accept_unknown: Take a number of a range that is not known, if it has a plus and as many
            digits as its country's numbers: operators open ranges faster than lists of them are
            brought up to date.

    Returns:
        `375291234567`, or None when it is no valid number, or one of another country by a guess.
    """
    written = read_phone(raw)
    if not isinstance(written, str):
        return None
    phone, is_sure = _read_phone(written, region)
    if phone is None and accept_unknown:
        return _read_unknown(written)
    return phone if is_sure else None


def read_phone(raw: object) -> object:
    """Take a phone's E.164 form where it is an object that has one, as django-phonenumber-field's.

    One that is no valid number has none, or raises: then it stays what it is.
    """
    if isinstance(raw, str):
        return raw if type(raw) is str else str.__str__(raw)
    try:
        found = getattr(raw, "as_e164", None)
    except Exception:  # noqa: BLE001 - whatever a foreign property raises
        found = None
    return found if isinstance(found, str) else raw


def say_phone_mistake(raw: str, region: str, what: str = "phone") -> Mistake:
    """Say what is wrong with what `normalize_phone` does not take.

    Args:
        raw: The phone as it is written.
        region: As for `normalize_phone`.
        what: Which phone it is.
    """
    masked = mask_phone(raw)
    shown = f"{what} {masked or 'without digits'}"
    if is_rounded(raw):
        code = MistakeCode.PHONE_ROUNDED
        told = (
            f"{what} was rounded by a spreadsheet, its last digits are lost: format the column as "
            "text and enter the phones again"
        )
    elif unseen := find_unseen(raw):
        code = MistakeCode.PHONE_UNSEEN_CHARACTER
        told = f"{shown} holds a character that cannot be seen ({unseen}): write it without"
    elif _read_phone(raw, region)[0]:
        code = MistakeCode.PHONE_AMBIGUOUS
        told = (
            f"{shown} may be one of {region} with a digit wrong, or one of another country: "
            "write it with + and country code"
        )
    elif _read_unknown(raw):
        code = MistakeCode.PHONE_UNKNOWN_RANGE
        told = (
            f"{shown} is of no known range: correct it, or write SMSQ_ACCEPT_UNKNOWN_RANGES=1 into "
            "the environment if the range is new"
        )
    else:
        code = MistakeCode.PHONE_INVALID
        told = f"{shown} is not valid: write it like +375 29 123-45-67"
    return Mistake(told, code, "phone", phone=masked)


def _read_phone(raw: str, region: str) -> tuple[str | None, bool]:
    """Read a phone; with whether it is certain what is meant."""
    if phone := read_usual(raw, region) or read_usual(raw := strip_layout(raw), region):
        return phone, True
    if _NOT_IN_PHONES.search(raw):
        return None, False
    if phone := _parse_phone(raw, region, is_home=True):
        return phone, True
    if "+" in raw:
        return _parse_phone(raw, region), True
    digits = "".join(str(int(c)) for c in raw if c.isdigit())
    spelling = f"+{digits.removeprefix('00')}"
    if phone := _parse_phone(spelling, region, is_home=True):
        return phone, True
    phone = _parse_phone(raw, region) or _parse_phone(spelling, None)
    return phone, phone is not None and not _is_guess(digits, region)


def _read_unknown(raw: str) -> str | None:
    """Read a number with a plus that may be one by its length alone."""
    written = strip_layout(raw)
    if not written.startswith("+") or _NOT_IN_PHONES.search(written):
        return None
    try:
        number = phonenumbers.parse(written, None)
    except phonenumbers.NumberParseException:
        return None
    mobile = phonenumbers.PhoneNumberType.MOBILE
    if not phonenumbers.is_possible_number_for_type(number, mobile):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def _is_guess(digits: str, region: str) -> bool:
    """Say whether a number of another country may be one of ours with a digit wrong."""
    if digits.startswith("00"):
        return is_trunk_doubled(digits, region)
    return len(digits) < _LEAST_ABROAD or is_one_slip_away(digits, region)


def _parse_phone(spelling: str, region: str | None, *, is_home: bool = False) -> str | None:
    try:
        number = phonenumbers.parse(spelling, region)
    except phonenumbers.NumberParseException:
        return None
    if is_home and region:
        is_valid = phonenumbers.is_valid_number_for_region(number, region)
    else:
        is_valid = phonenumbers.is_valid_number(number)
    if not is_valid:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def write_phone(phone: str) -> str:
    """Write a phone of the gateway's form as people do, `+375 29 123-45-67`."""
    number = phonenumbers.parse(f"+{phone}", None)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def mask_phone(phone: str) -> str:
    """Show a phone as `+375*******67`: enough to recognise, not enough to call."""
    digits = "".join(c for c in phone if c.isdigit())
    hidden = min(len(digits), _MOST_DIGITS) - _SHOWN_HEAD - _SHOWN_TAIL
    if hidden < _SHOWN_HEAD:
        return "*" * len(digits)
    return f"+{digits[:_SHOWN_HEAD]}{'*' * hidden}{digits[-_SHOWN_TAIL:]}"

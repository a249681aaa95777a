"""Tells a number that is one slip of a finger away from one of the default region. Pure.

In:  digits as somebody wrote them, without a plus. Out: whether a digit is missing, is one too many
or is swapped with its neighbour, if a number of the region was meant.

Such a number may be valid in another country, and is most likely meant for nobody there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from phonenumbers import PhoneMetadata, PhoneNumberDesc

#: Kinds of numbers in the metadata.
_KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip",
    "pager", "uan", "voicemail",
)  # fmt: skip
_DIGITS = "0123456789"
_FEW_LENGTHS = 3
#: Where mobile numbers begin in more ways, nothing can be said of one that is not given out.
_MOST_BEGINNINGS = 25
#: Ends of numbers; one of them fits wherever any does.
_ENDS = ("1234567", "5555555", "2345678", "7654321")


def is_one_slip_away(digits: str, region: str) -> bool:
    """Say whether one slip lies between these digits and a number of the region.

    Args:
        digits: ASCII digits alone.
        region: As in `BY`.
    """
    is_home = _make_pattern(region).fullmatch
    return any(is_home(meant) for meant in _undo_slips(digits))


def is_trunk_doubled(digits: str, region: str) -> bool:
    """Say whether digits after 00 are a national number whose 0 in front was typed twice.

    In numbering plans without fixed lengths everything would be: there only mobile numbers count.
    """
    return bool(_make_pattern(region, is_exact=True).fullmatch(digits[1:]))


def _undo_slips(digits: str) -> Iterator[str]:
    """Make what may have been meant: each digit left out, swapped with the next, and one put in."""
    for i in range(len(digits)):
        yield digits[:i] + digits[i + 1 :]
        yield digits[:i] + digits[i : i + 2][::-1] + digits[i + 2 :]
    for i in range(len(digits) + 1):
        head, tail = digits[:i], digits[i:]
        for digit in _DIGITS:
            yield head + digit + tail


@cache
def _make_pattern(region: str, *, is_exact: bool = False) -> re.Pattern[str]:
    """Make the pattern of a region's numbers as people write them, with and without its code.

    Args:
        region: As in `BY`.
        is_exact: Only kinds of numbers that have a few lengths.
    """
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        return re.compile("(?!)")
    kinds = [kind for name in _KINDS if (kind := getattr(metadata, name))]
    patterns = [
        kind.national_number_pattern
        for kind in kinds
        if not is_exact or len(kind.possible_length) <= _FEW_LENGTHS
    ]
    patterns += [] if is_exact or not metadata.mobile else _loosen(metadata.mobile)
    number = "|".join(f"(?:{pattern})" for pattern in patterns if pattern)
    prefix = metadata.national_prefix_for_parsing or ""
    abroad = f"(?:{metadata.international_prefix or '00'})?{metadata.country_code}"
    return re.compile(f"(?:{abroad})?(?:{prefix})?(?:{number})", re.ASCII)


def _loosen(mobile: PhoneNumberDesc) -> list[str]:
    """Make patterns of mobile numbers that begin like those of the region, given out or not yet.

    People mistype more than what they read: they forget a digit of a number that was wrong before.
    """
    pattern, lengths = re.compile(mobile.national_number_pattern or "(?!)"), mobile.possible_length
    beginnings = {
        f"{start:03}"[:2]
        for start in range(1000)
        for size in lengths
        for end in _ENDS
        if pattern.fullmatch(f"{start:03}{end * 2}"[:size])
    }
    if len(beginnings) > _MOST_BEGINNINGS:
        return []
    return [f"(?:{'|'.join(sorted(beginnings))})\\d{{{size - 2}}}" for size in lengths]

"""Reads the spelling that lists of phones mostly have, without the long way through phonenumbers.

In:  a phone as it is written. Out: the gateway's form of a mobile number of the default region that
stands with its country code; None for all that needs a closer look.

The rule comes from the same metadata, so both ways come to the same.
"""

from __future__ import annotations

import re
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

#: What people put between digits; anything else is for the long way.
_BETWEEN = str.maketrans("", "", " -()")


def read_usual(raw: str, region: str) -> str | None:
    """Read `375291234567`, `+375 29 123-45-67` and the like; None for anything else."""
    pattern = _make_pattern(region)
    if pattern is None:
        return None
    if not (match := pattern.fullmatch(raw)):
        match = pattern.fullmatch(raw.translate(_BETWEEN))
    return match[1] if match else None


@cache
def _make_pattern(region: str) -> re.Pattern[str] | None:
    """Make the pattern of a region's mobile numbers; None where it would not be certain."""
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or not metadata.mobile or not metadata.general_desc:
        return None
    mobile, general = metadata.mobile, metadata.general_desc
    code = str(metadata.country_code)
    lengths = general.possible_length or ()
    # Shared country codes need a look at the region; and a number that is not too long to be a
    # national one might be one.
    is_certain = (
        COUNTRY_CODE_TO_REGION_CODE.get(int(code)) == (region,)
        and mobile.national_number_pattern
        and lengths
        and len(code) + min(mobile.possible_length or (0,)) > max(lengths)
    )
    if not is_certain:
        return None
    prefix = metadata.national_prefix_for_parsing
    no_prefix = f"(?!{prefix})" if prefix else ""
    return re.compile(rf"\+?({code}{no_prefix}(?:{mobile.national_number_pattern}))", re.ASCII)

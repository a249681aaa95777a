"""Reads a phone of a call: its normal form, and whether messages may go there at all. Pure.

In:  what a caller wrote, and the settings. Out: the gateway's form, or one mistake.
"""

from __future__ import annotations

from smsq.domain.number_kinds import GLOBAL, UNKNOWN, kind_of, kind_of_block
from smsq.domain.regions import region_of
from smsq.environment.guards.reach import ALL
from smsq.mistakes import Mistake, MistakeCode
from smsq.settings import Settings
from smsq.text.phones import mask_phone, normalize_phone, say_phone_mistake
from smsq.text.usual_spellings import read_usual


def read_destination(raw: str, settings: Settings) -> tuple[str, Mistake | None]:
    """Read a phone that is to get a message.

    Returns:
        The phone in the gateway's form, "" where it is none; and what is wrong, if anything.
    """
    region = settings.default_region
    phone = normalize_phone(raw, region, accept_unknown=settings.accept_unknown_ranges)
    if phone is None:
        return "", say_phone_mistake(raw, region)
    return phone, _find_out_of_reach(phone, settings)


def _find_out_of_reach(phone: str, settings: Settings) -> Mistake | None:
    home, regions = settings.default_region, settings.allowed_regions or (settings.default_region,)
    kinds = settings.allowed_number_types
    is_home_allowed = ALL in regions or home in regions
    if is_home_allowed and (ALL in kinds or "mobile" in kinds) and read_usual(phone, home):
        return None  # a mobile number of ours, as nearly all are
    region = region_of(phone)
    # Who has no country is a matter of kinds.
    is_global = kind_of_block(phone) == GLOBAL
    if not is_global and ALL not in regions and region not in regions:
        allowed = ",".join(regions)
        told = (
            f"phone {mask_phone(phone)} is of {region}, and SMSQ_ALLOWED_REGIONS allows {allowed}: "
            f"write {allowed},{region} into the environment if you send there"
        )
        return Mistake(told, MistakeCode.PHONE_REGION, "phone", phone=mask_phone(phone))
    return None if _is_kind_allowed(phone, kinds) else _say_kind(phone, kinds)


def _is_kind_allowed(phone: str, kinds: tuple[str, ...]) -> bool:
    # An unknown range was let in by a setting of its own.
    return ALL in kinds or kind_of_block(phone) in kinds or kind_of(phone) in {*kinds, UNKNOWN}


def _say_kind(phone: str, kinds: tuple[str, ...]) -> Mistake:
    kind, allowed = kind_of(phone), ",".join(kinds)
    told = (
        f"phone {mask_phone(phone)} is a number of type {kind}, and SMSQ_ALLOWED_NUMBER_TYPES "
        f"allows {allowed}: write {allowed},{kind} into the environment if you send there"
    )
    return Mistake(told, MistakeCode.PHONE_NUMBER_TYPE, "phone", phone=mask_phone(phone))

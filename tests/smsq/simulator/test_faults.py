"""Which fault a request suffers: by a phone's last digits, or by dice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.simulator.faults import AFTER_ACCEPTING, MAGIC, UNDELIVERED_SUFFIX, Fault, find_fault

PLAIN = "375291234567"


def phone(suffix: str) -> str:
    return f"37529123{suffix}"


def test_an_ordinary_phone_has_no_fault() -> None:
    assert find_fault([PLAIN], set(), {}, 0.0) is None
    assert find_fault([], set(), {}, 0.0) is None
    assert find_fault([phone(UNDELIVERED_SUFFIX)], set(), {}, 0.0) is None


@pytest.mark.parametrize(("suffix", "magic"), MAGIC.items())
def test_a_magic_phone_has_its_fault_once_or_always(suffix: str, magic: object) -> None:
    fault, once = MAGIC[suffix].fault, MAGIC[suffix].once
    played: set[str] = set()

    struck = [find_fault([PLAIN, phone(suffix)], played, {}, 0.5) for _ in range(3)]

    assert struck == ([fault, None, None] if once else [fault] * 3)
    assert find_fault([f"37544555{suffix}"], played, {}, 0.5) is fault


def test_the_first_magic_phone_that_has_not_struck_decides() -> None:
    played: set[str] = set()
    phones = [PLAIN, phone("0429"), phone("0500"), phone("0400")]

    struck = [find_fault(phones, played, {}, 0.5) for _ in range(4)]

    assert struck == [Fault.BUSY, Fault.SERVER_ERROR, Fault.BAD_REQUEST, Fault.BAD_REQUEST]


def test_dice_choose_by_shares() -> None:
    shares = {Fault.BUSY: 0.25, Fault.STALL: 0.25}
    chosen = [find_fault([], set(), shares, dice / 8) for dice in range(8)]

    assert chosen == [Fault.BUSY, Fault.BUSY, Fault.STALL, Fault.STALL, None, None, None, None]


@given(st.floats(0, 1, exclude_max=True))
def test_a_share_of_all_is_all(dice: float) -> None:
    assert find_fault([PLAIN], set(), {Fault.DROP_AFTER: 1.0}, dice) is Fault.DROP_AFTER


def test_magic_goes_before_dice() -> None:
    assert find_fault([phone("0400")], set(), {Fault.BUSY: 1.0}, 0.0) is Fault.BAD_REQUEST


def test_every_fault_can_be_asked_for_by_a_phone() -> None:
    assert {magic.fault for magic in MAGIC.values()} == set(Fault)
    assert UNDELIVERED_SUFFIX not in MAGIC
    for magic in MAGIC.values():
        is_accepted = "accepted" in magic.meaning.replace("before accept", "")
        assert is_accepted == (magic.fault in AFTER_ACCEPTING)

"""Options of the simulator: changed by name, every mistake told, none swallowed."""

from __future__ import annotations

import math

import pytest

from smsq.simulator.faults import Fault
from smsq.simulator.options import Options, ReceiptShape, change


def test_options_change_by_name_and_the_rest_stays() -> None:
    old = Options(rate_per_s=5)
    new = change(
        old,
        {
            "burst": 3,
            "retry_after_s": 2,
            "receipt_shape": "form",
            "alphanames": ["a", "b"],
            "fault_shares": {"busy": "0.5"},
            "shuffle_pages": True,
            "timezone": "UTC",
        },
    )

    assert (new.rate_per_s, new.burst, new.retry_after_s) == (5, 3, 2)
    assert new.receipt_shape is ReceiptShape.FORM
    assert new.alphanames == ("a", "b")
    assert new.fault_shares == {Fault.BUSY: 0.5}
    assert new.shuffle_pages
    assert old == Options(rate_per_s=5)
    assert change(new, {"retry_after_s": None}).retry_after_s is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_per_s", -1),
        ("rate_per_s", "fast"),
        ("rate_per_s", math.nan),
        ("rate_per_s", math.inf),
        ("rate_per_s", None),
        ("burst", 0),
        ("burst", 1.5),
        ("burst", True),
        ("burst", math.inf),
        ("max_recipients", 0),
        ("receipt_repeat", -1),
        ("seed", "x"),
        ("retry_after_s", -1),
        ("undelivered_share", 1.1),
        ("odd_word_share", -0.1),
        ("receipt_lost_share", math.nan),
        ("shuffle_pages", "yes"),
        ("token_error_200", 1),
        ("receipt_shape", "xml"),
        ("timezone", "Nowhere/At_All"),
        ("timezone", "Europe"),
        ("timezone", "../etc"),
        ("timezone", 5),
        ("token", ""),
        ("token", None),
        ("alphanames", "123"),
        ("alphanames", [1]),
        ("alphanames", 5),
        ("fault_shares", "busy"),
        ("fault_shares", {"burn": 0.5}),
        ("fault_shares", {"busy": 2}),
        ("fault_shares", {"busy": 0.6, "stall": 0.6}),
        ("colour", "red"),
    ],
)
def test_a_value_it_cannot_take_is_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{name}"):
        change(Options(), {name: value})


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ValueError, match="rate_per_s") as mistake:
        change(Options(), {"rate_per_s": -1, "seed": "x", "burst": 2, "colour": "red"})

    assert [line.split()[0] for line in str(mistake.value).splitlines()] == [
        "rate_per_s:",
        "seed:",
        "colour",
    ]


def test_a_token_is_not_shown() -> None:
    assert "hush" not in repr(Options(token="hush"))
    with pytest.raises(ValueError, match="token") as mistake:
        change(Options(), {"token": ["hush"]})
    assert "hush" not in str(mistake.value)

"""Rows of reports: phones and statuses in whatever way they are written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.gateway.reports import ReportPage, read_phone
from smsq.models import ReportRow

PHONE = "375291234567"


@pytest.mark.parametrize(
    "written",
    [
        PHONE,
        375291234567,
        375291234567.0,
        "+375291234567",
        "+375 29 123-45-67",
        "+375\u202f29\u202f123-45-67",
        "\u202a+375291234567\u202c",
        "375291234567 ",
        "\u200b375291234567",
        "+375 (29) 123.45.67",
        "00375291234567",
        "375291234567.0",
        "3.75291234567E+11",
    ],
)
def test_a_phone_is_read_however_it_is_written(written: object) -> None:
    assert read_phone(written) == PHONE
    (row,) = ReportPage([{"phone": written, "status": "sent"}]).rows
    assert row.phone == PHONE


@pytest.mark.parametrize(
    "written",
    [
        None,
        True,
        "",
        "+",
        "x",
        "3.75291E+11",
        3.5,
        -375291234567,
        float("inf"),
        "37529***4567",
        "call 375291234567",
        [375291234567],
        "1" * 16,
    ],
)
def test_a_phone_that_is_not_all_there_is_none(written: object) -> None:
    assert read_phone(written) is None


@given(
    st.integers(10**9, 10**15 - 1).map(str).filter(lambda digits: not digits.startswith("00")),
    st.lists(st.sampled_from(["", " ", "-", "\u00a0", ".", "(", ")", "\u2011"]), max_size=8),
)
def test_layout_between_digits_never_makes_another_phone(digits: str, layout: list[str]) -> None:
    written = "+" + "".join(
        d + (layout[i] if i < len(layout) and i < len(digits) - 2 else "")
        for i, d in enumerate(digits)
    )

    assert read_phone(written) in {digits, None}


@pytest.mark.parametrize(("status", "word"), [(3, "3"), (3.0, "3"), ("3", "3"), (0, "0"), ("", "")])
def test_a_status_may_be_a_number(status: object, word: str) -> None:
    page = ReportPage(json.loads(json.dumps([{"phone": PHONE, "status": status}])))

    assert page.rows == [ReportRow(PHONE, word, None)]


def test_two_pages_of_the_same_phones_have_one_mark() -> None:
    rows = [{"phone": f"37529123456{n}", "status": "sent"} for n in range(5)]

    assert ReportPage(rows).mark == ReportPage(rows[::-1]).mark
    assert ReportPage(rows).mark != ReportPage(rows[1:]).mark
    assert ReportPage([]).mark == ReportPage([{}]).mark == ""

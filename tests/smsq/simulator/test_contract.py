"""The simulator takes what the contract says, and nothing beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.simulator.contract import (
    Bulk,
    Quick,
    Refused,
    Reports,
    count_parts,
    read_bulk,
    read_json,
    read_quick,
    read_reports,
)

QUERY = {"token": "t", "message": "code", "phone": "375291234567", "alphaname_id": "1"}
VIBER = {"forwarding_message": "1", "forwarding_time": "15", "vibername_id": "9"}
BULK: dict[str, Any] = {
    "alphaname_id": "1",
    "name": "Sale",
    "message_type": "bulk",
    "text": "hello",
    "delivery_list": ["375291234567", "375297654321"],
}
PERSONAL: dict[str, Any] = {
    "alphaname_id": "1",
    "name": "Bills",
    "message_type": "personal",
    "delivery_list": [{"phone": "375291234567", "text": "5 roubles"}],
}


def quick(query: dict[str, str], form: dict[str, str] | None = None) -> Quick:
    return read_quick(list(query.items()), list((form or {}).items()))


def bulk(*messages: object, callback_url: object = "", most: int = 1000) -> Bulk:
    document = {"token": "t", "callback_url": callback_url, "messages": list(messages)}
    return read_bulk(document, most)


def test_what_the_contract_says_is_taken() -> None:
    assert quick(QUERY) == Quick("375291234567", "code", "1")
    assert quick(QUERY, VIBER) == Quick("375291234567", "code", "1")
    assert read_reports([("token", "t"), ("message_id", "5")]) == Reports(5, 0, None)
    both = bulk(BULK, PERSONAL | {"schedule_time": "2026-11-24T09:30:00"})
    assert [dict(part.recipients) for part in both.parts] == [
        {"375291234567": "hello", "375297654321": "hello"},
        {"375291234567": "5 roubles"},
    ]
    assert [part.schedule_time for part in both.parts] == [
        None,
        datetime(2026, 11, 24, 9, 30),  # noqa: DTZ001 - local by contract
    ]


@pytest.mark.parametrize("name", ["message", "phone", "alphaname_id", "token"])
def test_a_quick_message_needs_every_parameter_in_the_query(name: str) -> None:
    without = {key: value for key, value in QUERY.items() if key != name}

    for query in (without, without | {name: ""}):
        with pytest.raises(Refused, match=f"{name} is required in the query"):
            quick(query)
    with pytest.raises(Refused, match=name):
        quick(without, {name: QUERY[name]})


@pytest.mark.parametrize("name", VIBER)
def test_viber_does_not_go_in_the_query(name: str) -> None:
    with pytest.raises(Refused, match=name):
        quick(QUERY | {name: VIBER[name]})


@pytest.mark.parametrize("name", QUERY)
def test_no_parameter_may_stand_twice(name: str) -> None:
    with pytest.raises(Refused, match=f"{name} stands twice"):
        read_quick([*QUERY.items(), (name, QUERY[name])], [])
    with pytest.raises(Refused, match="vibername_id stands twice"):
        read_quick(list(QUERY.items()), [*VIBER.items(), ("vibername_id", "9")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("forwarding_message", "2"),
        ("forwarding_message", "true"),
        ("forwarding_time", "4"),
        ("forwarding_time", "61"),
        ("forwarding_time", "soon"),
        ("forwarding_time", "\u0661\u0665"),
        ("vibername_id", ""),
        ("vibername_id", "nine"),
        ("other", "1"),
    ],
)
def test_viber_has_its_bounds(name: str, value: str) -> None:
    with pytest.raises(Refused, match=name):
        quick(QUERY, VIBER | {name: value})


def test_viber_is_asked_for_with_its_name() -> None:
    with pytest.raises(Refused, match="vibername_id is required"):
        quick(QUERY, {"forwarding_message": "1"})
    assert quick(QUERY, {"forwarding_message": "0"})
    assert quick(QUERY, {"forwarding_message": "1", "vibername_id": "9"})


@pytest.mark.parametrize(
    "phone",
    ["+375291234567", "375 29 123", "0291234567", "123456789", "1" * 16, "37529123456\uff17", "x"],
)
def test_a_phone_is_digits_with_the_country_code(phone: str) -> None:
    with pytest.raises(Refused, match="phone"):
        quick(QUERY | {"phone": phone})


@pytest.mark.parametrize("text", [" ", "\n", "a" * 1531, "я" * 671, "half \ud83d"])
def test_a_text_has_its_bounds(text: str) -> None:
    with pytest.raises(Refused, match="text"):
        quick(QUERY | {"message": text})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 1530, 10),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 670, 10),
        ("{" * 80, 1),
        ("{" * 81, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_they_are_billed(text: str, parts: int) -> None:
    assert count_parts(text) == parts


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ([], "message_id"),
        ([("message_id", "x")], "message_id"),
        ([("message_id", "")], "message_id"),
        ([("message_id", "-5")], "message_id"),
        ([("message_id", "5"), ("message_id", "6")], "message_id"),
        ([("message_id", "5"), ("limit_offset", "0")], "limit_rows"),
        ([("message_id", "5"), ("limit_offset", "-1"), ("limit_rows", "5")], "limit_offset"),
        ([("message_id", "5"), ("limit_offset", "0"), ("limit_rows", "all")], "limit_rows"),
        ([("message_id", "5"), ("rows", "5")], "rows"),
    ],
)
def test_reports_are_asked_for_by_numbers(query: list[tuple[str, str]], named: str) -> None:
    with pytest.raises(Refused, match=named):
        read_reports([("token", "t"), *query])


def test_rows_may_be_asked_for_without_an_offset() -> None:
    assert read_reports([("token", "t"), ("message_id", "5"), ("limit_rows", "9")]).rows == 9


pairs = st.lists(st.tuples(st.sampled_from([*QUERY, *VIBER, "message_id"]) | st.text(), st.text()))
values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*BULK, "phone"]), inner),
)


@given(pairs, pairs, values)
def test_what_breaks_the_contract_is_refused_and_nothing_else_is_raised(
    query: list[tuple[str, str]], form: list[tuple[str, str]], value: object
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: read_quick(query, form),
        lambda: read_reports(query),
        lambda: read_bulk(read_json(json.dumps(value).encode()), 10),
        lambda: bulk(value, callback_url=query[0][0] if query else ""),
    ]
    for call in calls:
        try:
            assert isinstance(call(), Quick | Reports | Bulk)
        except Refused as refused:
            assert str(refused)  # noqa: PT017 - either way is right

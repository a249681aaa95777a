"""The simulator takes a bulk request as the contract says, and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest

from smsq.simulator.contract import Refused, read_bulk, read_json
from tests.smsq.simulator.test_contract import BULK, PERSONAL, bulk


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'"x"', b"5", b"\xff", b"[" * 100_000])
def test_a_bulk_body_is_a_json_object(body: bytes) -> None:
    with pytest.raises(Refused, match="the body must be"):
        read_json(body)


def test_no_name_may_stand_twice_in_a_bulk_body() -> None:
    for body in (b'{"token": "a", "token": "a"}', b'{"messages": [{"name": "a", "name": "b"}]}'):
        with pytest.raises(Refused, match="twice"):
            read_json(body)


@pytest.mark.parametrize("document", [{}, {"token": "t"}, {"callback_url": None}])
def test_a_bulk_request_needs_a_callback_url(document: dict[str, object]) -> None:
    with pytest.raises(Refused, match="callback_url is required"):
        read_bulk({"messages": [BULK], **document}, 1000)


@pytest.mark.parametrize("messages", [None, {}, [], "x", 5])
def test_a_bulk_request_needs_messages(messages: object) -> None:
    with pytest.raises(Refused, match="messages must be a list"):
        read_bulk({"callback_url": "", "messages": messages}, 1000)


def test_a_bulk_request_has_no_more() -> None:
    with pytest.raises(Refused, match="the body has 'extra'"):
        read_bulk({"callback_url": "", "messages": [BULK], "extra": 1}, 1000)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"extra": 1}, "extra"),
        ({"alphaname_id": 1}, "alphaname_id"),
        ({"alphaname_id": ""}, "alphaname_id"),
        ({"name": None}, "name"),
        ({"name": "half \ud83d"}, "name"),
        ({"message_type": "quick"}, "message_type"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": " "}, "text"),
        ({"delivery_list": None}, "delivery_list"),
        ({"delivery_list": []}, "delivery_list"),
        ({"delivery_list": [375291234567]}, "phone must be a string"),
        ({"delivery_list": ["375291234567"] * 2}, "a phone twice"),
        ({"delivery_list": [{"phone": "375291234567", "text": "x"}]}, "phone must be a string"),
        ({"schedule_time": None}, "schedule_time"),
        ({"schedule_time": 5}, "schedule_time"),
        ({"schedule_time": "2026-1-2T3:4:5"}, "schedule_time"),
        ({"schedule_time": "2026-11-24 09:30:00"}, "schedule_time"),
        ({"schedule_time": "2026-11-24T09:30:00Z"}, "schedule_time"),
        ({"schedule_time": "2026-11-31T09:30:00"}, "schedule_time"),
    ],
)
def test_a_bulk_message_keeps_the_contract(change: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named):
        bulk(BULK | change)


@pytest.mark.parametrize("name", ["alphaname_id", "name", "message_type", "text", "delivery_list"])
def test_a_bulk_message_is_complete(name: str) -> None:
    with pytest.raises(Refused, match=name):
        bulk({key: value for key, value in BULK.items() if key != name})


@pytest.mark.parametrize(
    "change",
    [
        {"text": "shared"},
        {"delivery_list": ["375291234567"]},
        {"delivery_list": [{"phone": "375291234567"}]},
        {"delivery_list": [{"phone": "375291234567", "text": "x", "name": "y"}]},
        {"delivery_list": [{"phone": 375291234567, "text": "x"}]},
        {"delivery_list": [{"phone": "375291234567", "text": ""}]},
    ],
)
def test_a_personal_message_has_a_text_for_each_phone(change: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        bulk(PERSONAL | change)


def test_a_request_has_so_many_recipients_and_no_more() -> None:
    assert bulk(BULK, PERSONAL, most=3)
    with pytest.raises(Refused, match="more than 2 recipients"):
        bulk(BULK, PERSONAL, most=2)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3:80", "localhost:8000", "[::1]:5"])
def test_a_callback_on_loopback_is_taken(host: str) -> None:
    assert bulk(BULK, callback_url=f"http://{host}/receipts/j1?x=1").parts


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/x",
        "http://127.0.0.1.gateway.example/",
        "http://127.0.0.1@gateway.example/",
        "http://gateway.example@127.0.0.1/",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://127.0.0.999/",
        "https://127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nHost: x",
        "http://127.0.0.1/é",
        "http://[",
        "127.0.0.1",
    ],
)
def test_a_callback_anywhere_else_is_refused(url: str) -> None:
    with pytest.raises(Refused, match="loopback"):
        bulk(BULK, callback_url=url)

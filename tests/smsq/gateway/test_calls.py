"""What each call sends, parameter for parameter as GATEWAY.md has it, seen from the other side."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from smsq.gateway.calls import bulk_call, quick_call, report_call
from smsq.models import MessageRequest, QuickRequest, ViberForward
from tests.smsq.gateway.raw import (
    ACCEPTED,
    BULK,
    PHONE,
    QUICK,
    TEXT,
    TOKEN,
    Request,
    answer,
    answering,
    client_of,
    json_bytes,
    raw_server,
)


def quick_on_the_wire(request: QuickRequest) -> Request:
    with raw_server(answering(answer(200, ACCEPTED))) as server, client_of(server.url) as client:
        client.send_quick(request)
    (received,) = server.received
    return received


def bulk_on_the_wire(messages: list[MessageRequest], callback_url: str) -> Request:
    accepted = answer(200, json_bytes({"uuid": "cc9c8043", "success": "OK"}))
    with raw_server(answering(accepted)) as server, client_of(server.url) as client:
        client.send_bulk(messages, callback_url)
    (received,) = server.received
    return received


def test_a_quick_message_goes_in_the_query_alone() -> None:
    received = quick_on_the_wire(QUICK)

    assert (received.method, received.path) == ("POST", "/api/v1/sendQuickSMS")
    assert sorted(received.query) == [
        ("alphaname_id", "123"),
        ("message", TEXT),
        ("phone", PHONE),
        ("token", TOKEN),
    ]
    assert received.body == b""
    assert received.header("Content-Length") == "0"


@pytest.mark.parametrize("text", ["a&b=c?d#e %2B+", "one\ntwo Привет", "emoji 😀", " spaces "])
def test_a_text_arrives_as_it_was_written(text: str) -> None:
    received = quick_on_the_wire(QuickRequest(phone=PHONE, text=text, alphaname_id="Имя & Co"))

    assert dict(received.query)["message"] == text
    assert dict(received.query)["alphaname_id"] == "Имя & Co"


def test_viber_goes_in_a_form_and_the_rest_stays_in_the_query() -> None:
    viber = ViberForward(name_id=9, after_min=15)
    received = quick_on_the_wire(
        QuickRequest(phone=PHONE, text=TEXT, alphaname_id="123", viber=viber)
    )

    assert received.header("Content-Type") == "application/x-www-form-urlencoded"
    assert sorted(parse_qsl(received.body.decode())) == [
        ("forwarding_message", "1"),
        ("forwarding_time", "15"),
        ("vibername_id", "9"),
    ]
    assert sorted(name for name, _ in received.query) == [
        "alphaname_id",
        "message",
        "phone",
        "token",
    ]


def test_a_bulk_request_is_one_json_body_and_nothing_in_the_query() -> None:
    received = bulk_on_the_wire(BULK, "https://web.example/receipts/j1/aa")

    assert (received.method, received.path) == ("POST", "/api/v1/sendBulkSms")
    assert received.query == []
    assert TOKEN not in received.head
    assert received.header("Content-Type") == "application/json"
    assert json.loads(received.body) == {
        "token": TOKEN,
        "callback_url": "https://web.example/receipts/j1/aa",
        "messages": [
            {
                "alphaname_id": "123",
                "name": "Sale",
                "message_type": "bulk",
                "text": TEXT,
                "delivery_list": [PHONE],
            },
            {
                "alphaname_id": "7",
                "name": "Bills",
                "message_type": "personal",
                "delivery_list": [{"phone": "375297654321", "text": "owe 15 roubles"}],
            },
        ],
    }


def test_no_receiver_is_an_empty_callback_url() -> None:
    assert json.loads(bulk_on_the_wire(BULK, "").body)["callback_url"] == ""


def test_a_schedule_time_stands_in_its_message_and_no_other() -> None:
    later = MessageRequest(
        name="Later",
        alphaname_id="1",
        text="t",
        recipients={PHONE: None},
        schedule_time="2026-11-24T09:30:00",
    )
    now, scheduled = json.loads(bulk_on_the_wire([BULK[0], later], "").body)["messages"]

    assert "schedule_time" not in now
    assert scheduled["schedule_time"] == "2026-11-24T09:30:00"


def test_phones_keep_their_order() -> None:
    phones = [f"37529{n:07d}" for n in range(1000, 0, -7)]
    message = MessageRequest(name="n", alphaname_id="1", text="t", recipients=dict.fromkeys(phones))

    assert (
        json.loads(bulk_on_the_wire([message], "").body)["messages"][0]["delivery_list"] == phones
    )


def test_reports_are_asked_for_by_get_with_numbers_in_the_query() -> None:
    empty = answer(200, json_bytes({"result": []}))
    with raw_server(answering(empty)) as server, client_of(server.url) as client:
        client.fetch_reports(2197871, offset=2000, rows=1000)
    (received,) = server.received

    assert (received.method, received.path) == ("GET", "/api/v1/getSmsDeliveryList")
    assert sorted(received.query) == [
        ("limit_offset", "2000"),
        ("limit_rows", "1000"),
        ("message_id", "2197871"),
        ("token", TOKEN),
    ]
    assert received.body == b""


def test_every_call_asks_for_plain_json() -> None:
    received = quick_on_the_wire(QUICK)

    assert received.header("Accept") == "application/json"
    assert received.header("Accept-Encoding") == "identity"
    assert received.header("Cookie") is None
    assert received.header("Authorization") is None


def test_a_call_shows_neither_texts_nor_phones() -> None:
    for call in (quick_call(QUICK), bulk_call(BULK, "")):
        shown = repr(call)
        assert PHONE not in shown
        assert TEXT not in shown
        assert "roubles" not in shown


def test_a_larger_page_may_be_larger() -> None:
    small, large = (report_call(1, offset=0, rows=rows) for rows in (1, 1000))

    row = '{"phone": 375293332211, "status": "delivered", "d_sent": "2021-03-22 11:32:32"}, '
    assert large.max_bytes - small.max_bytes >= 999 * len(row)

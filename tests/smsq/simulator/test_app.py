"""The simulator's pages, and requests that the real client never makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from smsq.simulator.server import RunningSimulator, start_in_thread

QUERY = {
    "token": "simulator-token",
    "message": "code",
    "phone": "375291234567",
    "alphaname_id": "1",
}
MESSAGE = {
    "alphaname_id": "1",
    "name": "Sale",
    "message_type": "bulk",
    "text": "sale",
    "delivery_list": ["375291234567"],
}
BULK = {"token": "simulator-token", "callback_url": "", "messages": [MESSAGE]}
QUICK_PATH, BULK_PATH = "/api/v1/sendQuickSMS", "/api/v1/sendBulkSms"
REPORTS_PATH = "/api/v1/getSmsDeliveryList"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with start_in_thread() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> RunningSimulator:
    running.reset()
    return running


def ask(simulator: RunningSimulator, method: str, path: str, **options: Any) -> tuple[int, Any]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(method, simulator.url + path, timeout=30, **options)
    is_json = answer.headers["Content-Type"] == "application/json"
    return answer.status_code, answer.json() if is_json else answer.text


def without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def test_the_documented_requests_get_the_documented_answers(simulator: RunningSimulator) -> None:
    status, quick = ask(simulator, "POST", QUICK_PATH, params=QUERY)
    assert status == 200
    assert quick == {"sms_id": quick["sms_id"], "status": "NEW", "parts": 1}
    status, bulk = ask(simulator, "POST", BULK_PATH, json=BULK)
    assert status == 200
    assert bulk == {"uuid": bulk["uuid"], "success": "OK"}
    asked = {"token": "simulator-token", "message_id": quick["sms_id"]}
    status, reports = ask(simulator, "GET", REPORTS_PATH, params=asked)
    assert status == 200
    assert reports == {"result": [{"phone": 375291234567, "status": "NEW", "d_sent": None}]}


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        (QUICK_PATH, {"data": QUERY}, 401),
        (QUICK_PATH, {"json": QUERY}, 400),
        (QUICK_PATH, {"params": QUERY, "json": {}}, 400),
        (QUICK_PATH, {"params": QUERY, "data": {"other": "1"}}, 400),
        (QUICK_PATH, {"params": QUERY, "data": "vibername_id=\xff"}, 400),
        (QUICK_PATH, {"params": QUERY | {"limit": "1"}}, 400),
        (QUICK_PATH, {"params": [*QUERY.items(), ("phone", "375291234567")]}, 400),
        (QUICK_PATH, {"params": without(QUERY, "token")}, 401),
        (QUICK_PATH, {"params": without(QUERY, "phone")}, 400),
        (QUICK_PATH + "?token=simulator-token&message=%ff", {}, 400),
        (BULK_PATH, {"params": BULK}, 400),
        (BULK_PATH, {"json": without(BULK, "token"), "params": {"token": QUERY["token"]}}, 400),
        (BULK_PATH, {"json": BULK, "params": {"callback_url": ""}}, 400),
        (BULK_PATH, {"json": BULK | {"token": ["simulator-token"]}}, 401),
        (BULK_PATH, {"json": without(BULK, "token")}, 401),
        (BULK_PATH, {"json": without(BULK, "callback_url")}, 400),
        (BULK_PATH, {"json": BULK | {"callback_url": "http://gateway.example/"}}, 400),
        (BULK_PATH, {"data": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ("/api/v1/sendSms", {"params": QUERY}, 404),
        (REPORTS_PATH, {"params": {"token": QUERY["token"], "message_id": "1"}}, 405),
    ],
)
def test_anything_else_is_refused_and_not_accepted(
    simulator: RunningSimulator, path: str, options: dict[str, Any], status: int
) -> None:
    assert ask(simulator, "POST", path, **options)[0] == status
    assert simulator.accepted() == {}


@pytest.mark.parametrize("path", [QUICK_PATH, BULK_PATH])
def test_sending_is_not_asked_for_by_get(simulator: RunningSimulator, path: str) -> None:
    assert ask(simulator, "GET", path, params=QUERY)[0] == 405
    assert simulator.accepted() == {}


def test_the_book_counts_requests_and_what_was_doubled(simulator: RunningSimulator) -> None:
    for _ in range(2):
        ask(simulator, "POST", QUICK_PATH, params=QUERY)
    ask(simulator, "POST", QUICK_PATH, params=QUERY | {"message": ""})
    ask(simulator, "POST", BULK_PATH, json=BULK)

    assert simulator.get("/book") == {
        "requests": {"sendQuickSMS 200": 2, "sendQuickSMS 400": 1, "sendBulkSms 200": 1},
        "messages": 3,
        "accepted": 3,
        "distinct": 2,
        "doubled": [["375291234567", "code", 2]],
    }
    assert simulator.accepted() == {("375291234567", "code"): 2, ("375291234567", "sale"): 1}


def test_the_book_tells_when_a_phone_was_accepted_last(simulator: RunningSimulator) -> None:
    phone, other = "375291234567", "375291234568"
    for recipient in (phone, other, phone):
        assert ask(simulator, "POST", QUICK_PATH, params=QUERY | {"phone": recipient})[0] == 200
    times = simulator.get("/book/times")

    assert times.keys() == {phone, other}
    assert simulator.get(f"/book/times?phone={phone}") == {phone: times[phone]}
    assert simulator.get("/book/times?phone=375291234599") == {}


def test_the_book_lists_requests_from_any_time_on(simulator: RunningSimulator) -> None:
    ask(simulator, "POST", QUICK_PATH, params=QUERY)
    ask(simulator, "GET", REPORTS_PATH, params={"token": "wrong"})
    listed = simulator.get("/book/requests")

    assert [row[1:] for row in listed["requests"]] == [
        ["sendQuickSMS", 200],
        ["getSmsDeliveryList", 401],
    ]
    later = simulator.get(f"/book/requests?since={listed['now_ms'] + 1}")
    assert later["requests"] == []
    assert later["now_ms"] >= listed["now_ms"]
    assert ask(simulator, "GET", "/book/requests?since=now")[0] == 400


def test_a_page_of_a_message_shows_its_rows(simulator: RunningSimulator) -> None:
    _, quick = ask(simulator, "POST", QUICK_PATH, params=QUERY)
    shown = simulator.get(f"/book/messages/{quick['sms_id']}")

    assert [row["phone"] for row in shown["rows"]] == [375291234567]
    assert ask(simulator, "GET", "/book/messages/5")[0] == 404


def test_a_reset_forgets_everything(simulator: RunningSimulator) -> None:
    ask(simulator, "POST", QUICK_PATH, params=QUERY)
    simulator.reset()

    assert simulator.get("/book")["requests"] == {}
    assert simulator.states() == {}
    assert simulator.get("/book/requests")["requests"] == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"json": {"burst": 0, "colour": 1}}, ["burst", "colour"]),
        ({"json": 5}, []),
        ({"json": ["a"]}, []),
        ({"data": "{"}, []),
        ({"data": '{"burst": Infinity}'}, ["burst"]),
    ],
)
def test_a_mistake_in_control_is_named_and_changes_nothing(
    simulator: RunningSimulator, options: dict[str, Any], named: list[str]
) -> None:
    status, document = ask(simulator, "POST", "/control", **options)

    assert status == 400
    assert [name for name in named if name not in document["error"]] == []
    assert ask(simulator, "POST", QUICK_PATH, params=QUERY)[0] == 200

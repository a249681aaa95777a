"""The examples of a login by SMS do as their pages say, and type checkers find nothing in them."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mypy.api
import pytest
from flask.testing import FlaskClient

import smsq
from smsq.testing import Outbox
from tests.smsq.contrib.posts import NEW, make_event, sign
from tests.smsq.contrib.testclient import TestClient

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ["flask_otp.py", "fastapi_otp.py"]
PHONE = "+375 29 123-45-67"


def find_code(outbox: Outbox) -> str:
    [*_, last] = outbox.to(PHONE)
    [code] = re.findall(r"\d{6}", last.text)
    return str(code)


@pytest.fixture
def flask_otp(sms_outbox: Outbox) -> FlaskClient:
    names = runpy.run_path(str(EXAMPLES / "flask_otp.py"))
    client: FlaskClient = names["create_app"](SMSQ_ALPHANAME_ID="123").test_client()
    return client


def act(client: FlaskClient, action: str, **form: str) -> str:
    """Press a button, and read what the page says then."""
    answer = client.post(f"/{action}", data=form, follow_redirects=True)
    return "; ".join(re.findall(r'role="status">(.*?)<', answer.text)) or answer.text


def test_flask_a_visitor_logs_in_with_the_code(flask_otp: FlaskClient, sms_outbox: Outbox) -> None:
    assert act(flask_otp, "begin", phone=PHONE) == "We have sent a code"
    [message] = sms_outbox
    assert message.priority == "urgent"
    assert message.expires_at

    assert act(flask_otp, "check", code="no code") == "That is not the code"
    assert act(flask_otp, "check", code=f" {find_code(sms_outbox)} ") == "You are logged in"
    assert act(flask_otp, "check", code=find_code(sms_outbox)) == "Begin anew"


def test_flask_a_code_that_is_on_its_way_is_not_sent_twice(
    flask_otp: FlaskClient, sms_outbox: Outbox
) -> None:
    act(flask_otp, "begin", phone=PHONE)

    assert act(flask_otp, "again") == "The code is on its way"
    assert len(sms_outbox) == 1


def test_flask_a_code_that_was_never_sent_goes_out_again_and_is_the_same(
    flask_otp: FlaskClient, sms_outbox: Outbox
) -> None:
    act(flask_otp, "begin", phone=PHONE)
    code = find_code(sms_outbox)
    queue = flask_otp.application.extensions["smsq"].queue.get()
    queue.cancel(sms_outbox[0].id)

    assert act(flask_otp, "again") == "We have sent the code again"
    assert len(sms_outbox) == 2
    assert find_code(sms_outbox) == code


def test_flask_a_mistake_and_an_outage_are_said_plainly(
    flask_otp: FlaskClient, sms_outbox: Outbox
) -> None:
    assert act(flask_otp, "begin", phone="12") == "Write your phone as +375 29 123-45-67"
    sms_outbox.fails = smsq.QueueUnavailableError("down", may_be_stored=True)
    assert act(flask_otp, "begin", phone=PHONE) == "Try again in a moment"
    assert not sms_outbox


def test_flask_five_wrong_guesses_end_an_attempt(
    flask_otp: FlaskClient, sms_outbox: Outbox
) -> None:
    act(flask_otp, "begin", phone=PHONE)
    said = [act(flask_otp, "check", code="x") for _ in range(6)]

    assert said == ["That is not the code"] * 5 + ["Begin anew"]


@pytest.fixture
def fastapi_otp(
    sms_outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, dict[str, Any]]]:
    monkeypatch.setenv("SMSQ_ALPHANAME_ID", "123")
    monkeypatch.setenv("SMSQ_WEBHOOK_SECRET", NEW)
    names = runpy.run_path(str(EXAMPLES / "fastapi_otp.py"))
    with TestClient(names["app"]) as client:
        yield client, names


def test_fastapi_a_visitor_logs_in_and_sees_that_the_code_was_delivered(
    fastapi_otp: tuple[TestClient, dict[str, Any]], sms_outbox: Outbox
) -> None:
    client, _ = fastapi_otp
    attempt = client.post("/attempts", json={"phone": PHONE}).json()["attempt"]
    again = client.post(f"/attempts/{attempt}/code")
    assert again.status_code == 202
    [message] = sms_outbox

    body, headers = sign(make_event(message.id))
    assert client.post("/sms-events", content=body, headers=headers).status_code == 204
    assert client.get(f"/attempts/{attempt}").json() == {"state": "delivered"}

    tries = [
        client.post(f"/attempts/{attempt}/check", json={"code": code}).json()
        for code in ("no code", find_code(sms_outbox))
    ]
    assert tries == [{"logged_in": False}, {"logged_in": True}]
    assert client.get(f"/attempts/{attempt}").status_code == 404


def test_fastapi_a_mistake_and_an_outage_are_said_plainly(
    fastapi_otp: tuple[TestClient, dict[str, Any]], sms_outbox: Outbox
) -> None:
    client, _ = fastapi_otp
    assert client.post("/attempts", json={"phone": "12"}).status_code == 422
    sms_outbox.fails = smsq.QueueUnavailableError("down")
    assert client.post("/attempts", json={"phone": PHONE}).status_code == 503


@pytest.mark.parametrize("name", [*NAMES, "fastapi_otp.html", "webapp.py"])
def test_an_example_is_short(name: str) -> None:
    assert len((EXAMPLES / name).read_text(encoding="utf-8").splitlines()) < 100


@pytest.mark.long
def test_type_checkers_find_nothing_but_the_mistake_that_is_put_in(tmp_path: Path) -> None:
    wrong = (EXAMPLES / "flask_otp.py").read_text(encoding="utf-8").replace('"urgent"', '"high"')
    (tmp_path / "wrong.py").write_text(wrong)
    files = [str(EXAMPLES / name) for name in (*NAMES, "webapp.py")]

    said, _, code = mypy.api.run(["--strict", *files])
    assert (code, said.splitlines()[-1]) == (0, "Success: no issues found in 3 source files")
    said, _, code = mypy.api.run(["--strict", str(tmp_path / "wrong.py")])
    assert code == 1
    assert "expected \"Literal['urgent', 'normal', 'bulk']\"" in said

"""A post becomes events once its signature fits, whatever framework hands it over."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import standardwebhooks
from django.http import HttpHeaders
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers as StarletteHeaders
from werkzeug.datastructures import Headers as WerkzeugHeaders

from smsq.errors import ConfigError, SmsqError, WebhookError
from smsq.events.events import Event, JobEvent
from smsq.events.receiving import parse_webhook
from smsq.events.signatures import sign, sign_headers
from smsq.events.wire import dump_event
from smsq.models import JobState

SECRET = "a secret of the shop's"
BYTES = "whsec_" + base64.b64encode(bytes(range(32))).decode()
NOW_S = 1_700_000_000
EVENT = JobEvent(
    id="1-0:0",
    at=datetime(2026, 11, 24, 21, 57, 35, 206000, UTC),
    job_id="j1",
    campaign_id=None,
    old_state=JobState.QUEUED,
    new_state=JobState.SUBMITTING,
)
BODY = json.dumps({"id": "1-0", "events": [dump_event(EVENT)]}).encode()


def signed(body: bytes = BODY, *secrets: str, at_s: int = NOW_S) -> dict[str, str]:
    return sign_headers(body, "1-0", str(at_s), secrets or [SECRET])


def parse(
    headers: Any = None,
    body: bytes | str = BODY,
    secrets: str | Iterable[str] = SECRET,
    now_s: float = NOW_S,
) -> list[Event]:
    return parse_webhook(body, signed() if headers is None else headers, secrets, now_s=now_s)


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(WebhookError) as caught:
        parse(*args, **kwargs)
    assert SECRET not in str(caught.value)
    return caught.value.code


def test_a_post_becomes_the_events_that_a_reader_would_have_given() -> None:
    assert parse() == [EVENT]
    assert parse(body=BODY.decode()) == [EVENT]


def environ_of(headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "wsgi.input": object(),
        "SERVER_PORT": 80,
        **{f"HTTP_{name.upper().replace('-', '_')}": v for name, v in headers.items()},
    }


@pytest.mark.parametrize(
    "form",
    [
        dict,
        lambda h: {name.title(): value for name, value in h.items()},
        lambda h: {name.upper(): value for name, value in h.items()},
        environ_of,
        lambda h: HttpHeaders(environ_of(h)),
        WerkzeugHeaders,
        StarletteHeaders,
        httpx.Headers,
        lambda h: [(name.encode(), value.encode()) for name, value in h.items()],
        lambda h: list(h.items()),
        lambda h: {"HTTP_HOST": "x", **{k: f" {v} " for k, v in h.items()}},
    ],
    ids=[
        "dict",
        "title",
        "upper",
        "wsgi",
        "django",
        "flask",
        "asgi",
        "httpx",
        "raw",
        "pairs",
        "sp",
    ],
)
def test_headers_of_any_framework_will_do(form: Any) -> None:
    assert parse(form(signed())) == [EVENT]


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_means_that_nobody_signed(name: str) -> None:
    headers = signed()
    del headers[name]

    assert refusal(headers) == "no_signature"
    assert refusal({**headers, name: ""}) == "no_signature"


@pytest.mark.parametrize("timestamp", ["-1", "1e9", "\uff11" * 10, "9" * 13, "now"])
def test_a_time_that_is_none_is_refused_even_when_signed(timestamp: str) -> None:
    headers = sign_headers(BODY, "1-0", timestamp, [SECRET])

    assert refusal(headers) == "no_signature"


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_id_and_time_are_part_of_what_is_signed(changed: str) -> None:
    assert refusal({**signed(), changed: "1700000001"}) == "wrong_signature"


@given(st.binary(max_size=50))
def test_another_body_is_refused(body: bytes) -> None:
    assert refusal(body=body) == "wrong_signature"


@given(st.text(max_size=40))
def test_what_a_stranger_writes_as_a_signature_is_refused(signature: str) -> None:
    assert refusal({**signed(), "webhook-signature": signature}) in {
        "no_signature",
        "wrong_signature",
    }


@pytest.mark.parametrize(("off_s", "is_taken"), [(300, True), (301, False)])
@pytest.mark.parametrize("direction", [1, -1])
def test_five_minutes_either_way_are_taken(off_s: int, is_taken: bool, direction: int) -> None:
    now_s = NOW_S + off_s * direction
    if is_taken:
        assert parse(now_s=now_s) == [EVENT]
    else:
        assert refusal(now_s=now_s) == "too_old"


def test_the_clock_decides_when_no_time_is_given() -> None:
    with pytest.raises(WebhookError, match="s old by this clock"):
        parse_webhook(BODY, signed(), SECRET)


@pytest.mark.parametrize("secrets", ["new secret,old secret", "new secret , old secret"])
def test_while_a_secret_is_changed_either_end_may_go_first(secrets: str) -> None:
    for secret in ("new secret", "old secret"):
        assert parse(signed(BODY, secret), secrets=secrets) == [EVENT]
        assert parse(signed(BODY, secret), secrets=secrets.split(",")) == [EVENT]
        assert parse(signed(BODY, "new secret", "old secret"), secrets=secret) == [EVENT]
    assert refusal(signed(BODY, "another"), secrets=secrets) == "wrong_signature"


def test_signatures_of_other_kinds_are_passed_over() -> None:
    headers = signed()
    ours = headers["webhook-signature"]

    assert parse({**headers, "webhook-signature": f"v1a,AAAA {ours} v2,x"}) == [EVENT]
    wrong_kind = {**headers, "webhook-signature": ours.replace("v1,", "v1a,")}
    assert refusal(wrong_kind) == "wrong_signature"


@pytest.mark.parametrize("secrets", ["", ",", [], "whsec_", "whsec_!!"])
def test_a_secret_that_is_none_is_the_operators_mistake(secrets: str | list[str]) -> None:
    with pytest.raises(ConfigError, match="webhook secret"):
        parse(secrets=secrets)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b'{"events": 1}', b'{"events": [1]}'])
def test_a_signed_body_without_events_says_so(body: bytes) -> None:
    assert refusal(signed(body), body) == "unreadable"


def test_events_of_a_newer_version_are_left_out_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    newer = {**dump_event(EVENT), "type": "moon"}
    more = {**dump_event(EVENT), "colour": "red"}
    body = json.dumps({"id": "1-0", "events": [newer, more], "v": 9}).encode()

    assert parse(signed(body), body) == [EVENT]
    assert "1 events left out that only a newer smsq knows" in caplog.text


def test_the_error_is_ours_and_travels() -> None:
    error = WebhookError("too_old", "the post is 400 s old")

    again: WebhookError = pickle.loads(pickle.dumps(error))
    assert issubclass(WebhookError, SmsqError)
    assert (again.code, again.reason, str(again)) == ("too_old", error.reason, error.reason)


@pytest.mark.parametrize(
    ("secret", "theirs"), [(BYTES, BYTES), (BYTES.rstrip("="), BYTES), (SECRET, SECRET.encode())]
)
def test_the_standardwebhooks_package_reads_what_we_sign(secret: str, theirs: str | bytes) -> None:
    now_s = int(datetime.now(UTC).timestamp())
    headers = signed(BODY, "another secret of ours", secret, at_s=now_s)

    package = standardwebhooks.Webhook(theirs)
    assert package.verify(BODY, headers) == json.loads(BODY)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        package.verify(BODY + b" ", headers)


@pytest.mark.parametrize(("secret", "theirs"), [(BYTES, BYTES), (SECRET, SECRET.encode())])
def test_we_read_what_the_standardwebhooks_package_signs(secret: str, theirs: str | bytes) -> None:
    at = datetime.fromtimestamp(NOW_S, UTC)
    signature = standardwebhooks.Webhook(theirs).sign("msg_1", at, BODY.decode())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": signature,
    }

    assert signature == sign(BODY, "msg_1", str(NOW_S), secret)
    assert parse(headers, secrets=secret) == [EVENT]


@pytest.mark.parametrize("secrets", [None, [None], SECRET.encode(), [SECRET.encode()], 7])
def test_a_secret_that_is_no_string_is_the_operators_mistake(secrets: Any) -> None:
    with pytest.raises(ConfigError, match="webhook secret: write a string"):
        parse(secrets=secrets)


@pytest.mark.parametrize("odd", [{"now_s": float("nan")}, {"tolerance_s": float("nan")}])
def test_where_the_clock_has_no_number_every_post_is_too_old(odd: Any) -> None:
    with pytest.raises(WebhookError, match="old by this clock"):
        parse_webhook(BODY, signed(), SECRET, **{"now_s": NOW_S, **odd})

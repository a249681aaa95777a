"""What an answer means: every row of the design's table, and whatever else may come."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    NoMoneyError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.answers import Answer, read_bulk, read_quick, read_reports
from smsq.gateway.reports import ReportPage
from smsq.models import BulkAccepted, QuickAccepted, ReportRow

READERS: list[Callable[[Answer], object]] = [read_quick, read_bulk, read_reports]
SEND_READERS = [read_quick, read_bulk]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
names = st.sampled_from(
    [
        "sms_id",
        "status",
        "parts",
        "uuid",
        "success",
        "result",
        "error",
        "message",
        "detail",
        "errors",
    ]
)
documents = st.dictionaries(names | st.text(max_size=3), json_values).map(
    lambda document: json.dumps(document).encode()
)
bodies = st.none() | st.binary() | documents


def said(document: object, status: int = 200, retry_after: str | None = None) -> Answer:
    return Answer(status=status, body=json.dumps(document).encode(), retry_after=retry_after)


def test_200_with_the_documented_fields_is_accepted() -> None:
    assert read_quick(said({"sms_id": 2197871, "status": "NEW", "parts": 1})) == QuickAccepted(
        2197871, "NEW", 1
    )
    assert read_bulk(said({"uuid": "cc9c8043-8caf", "success": "OK"})) == BulkAccepted(
        "cc9c8043-8caf"
    )


def test_an_id_proves_acceptance_whatever_stands_beside_it() -> None:
    odd = said({"sms_id": "2197871", "status": None, "parts": "many", "error": None, "new": [1]})

    assert read_quick(odd) == QuickAccepted(2197871, "None", 0)


def test_proof_stands_even_beside_an_error() -> None:
    error = "try again later"

    assert read_quick(said({"sms_id": 5, "error": error})) == QuickAccepted(5, "", 0)
    assert read_bulk(said({"uuid": "u", "success": "OK", "error": error})) == BulkAccepted("u")


@pytest.mark.parametrize("key", ["message", "detail"])
def test_an_accepted_text_about_an_invalid_token_is_accepted(key: str) -> None:
    repeated = said({"sms_id": 5, "status": "NEW", "parts": 1, key: "Your login: invalid token"})

    assert read_quick(repeated) == QuickAccepted(5, "NEW", 1)


def test_a_refused_text_about_an_invalid_token_does_not_stop_the_queue() -> None:
    text = "Your session has an invalid token"
    repeated = Answer(
        status=400, body=json.dumps({"error": f"bad text: {text}"}).encode(), secrets=(text,)
    )

    result = read_quick(repeated)

    assert isinstance(result, RefusedError)
    assert result.reason == "400: bad text: …"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (405, RefusedError),
        (413, RefusedError),
        (422, RefusedError),
        (402, NoMoneyError),
        (401, MisconfiguredError),
        (403, MisconfiguredError),
        (404, MisconfiguredError),
        (301, MisconfiguredError),
        (302, MisconfiguredError),
        (307, MisconfiguredError),
        (408, TemporaryError),
        (429, BusyError),
        (500, TemporaryError),
        (503, TemporaryError),
        (599, TemporaryError),
    ],
)
@pytest.mark.parametrize(
    "body", [b'{"error": "why"}', b"<h1>why</h1>", b"", None, b'{"sms_id": 1, "uuid": "u"}']
)
def test_a_status_means_what_it_says_whatever_the_body(
    read: Callable[[Answer], object], status: int, kind: type[GatewayError], body: bytes | None
) -> None:
    result = read(Answer(status=status, body=body))

    assert type(result) is kind
    assert result.status == status
    assert str(status) in result.reason
    assert ("why" in result.reason) == (body == b'{"error": "why"}')


@pytest.mark.parametrize("read", SEND_READERS)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, None),
        (200, b""),
        (200, b"<html>OK</html>"),
        (200, b"OK"),
        (200, b'{"sms_id": 21978'),
        (200, b"[]"),
        (200, b"null"),
        (200, b"{}"),
        (200, b'{"success": "OK"}'),
        (200, b'{"sms_id": NaN, "uuid": NaN}'),
        (200, b'{"sms_id": 0, "uuid": ""}'),
        (200, b'{"sms_id": -1, "uuid": 5}'),
        (200, b'{"sms_id": true, "uuid": null}'),
        (200, b'{"sms_id": 1.5, "uuid": ["u"]}'),
        (200, b'{"sms_id": 9223372036854775808, "uuid": {}}'),
        (200, b"\xff\xfe{}"),
        (200, b"[" * 100_000),
        (201, b'{"sms_id": 0, "uuid": null}'),
        (202, b"{}"),
        (204, b""),
        (100, b""),
        (700, b""),
        *[(status, b'{"error": "why"}') for status in (502, 504, 520, 522, 524, 529)],
        (502, b'{"error": "insufficient funds, try again later"}'),
        (200, b'{"message": "too many requests, try again later"}'),
        (200, b'{"sms_id": true, "uuid": "u", "error": "try again later"}'),
    ],
)
def test_an_unreadable_success_is_unknown(
    read: Callable[[Answer], object], status: int, body: bytes | None
) -> None:
    assert type(read(Answer(status=status, body=body))) is UnknownOutcomeError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("Wrong alphaname. Check it.", "Wrong alphaname. Check it."),
        ({"code": 5}, "{'code': 5}"),
        (["no", "money"], "['no', 'money']"),
        (True, "200 with error"),
        (7, "200 with error"),
        ("\x00", "200 with error"),
    ],
)
@pytest.mark.parametrize("read", READERS)
def test_200_with_error_is_refused_and_its_reason_kept(
    read: Callable[[Answer], object], error: object, reason: str
) -> None:
    result = read(said({"error": error}))

    assert isinstance(result, RefusedError)
    assert result.reason == reason


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("document", [{"error": "Invalid token!"}, {"message": "wrong TOKEN"}])
def test_words_about_the_token_mean_that_our_settings_are_wrong(
    read: Callable[[Answer], object], status: int, document: object
) -> None:
    assert isinstance(read(said(document, status)), MisconfiguredError)


@pytest.mark.parametrize(
    ("status", "kind"), [(429, BusyError), (503, TemporaryError)], ids=["busy", "temporary"]
)
@pytest.mark.parametrize(("header", "retry_after_s"), [("7", 7.0), (None, None), ("soon", None)])
def test_a_pause_is_told_where_the_gateway_names_one(
    status: int, kind: type[GatewayError], header: str | None, retry_after_s: float | None
) -> None:
    result = read_quick(said({"error": "slow down"}, status, header))

    assert isinstance(result, kind)
    assert isinstance(result, BusyError | TemporaryError)
    assert result.retry_after_s == retry_after_s


def test_reports_come_with_phones_as_numbers_or_strings() -> None:
    rows = [
        {"phone": 375293332211, "status": "delivered", "d_sent": "2021-03-22 11:32:32"},
        {"phone": "+375293332212", "status": "NEW", "d_sent": None},
    ]

    page = read_reports(said({"result": rows}))

    assert isinstance(page, ReportPage)
    assert page.row_count == 2
    assert page.rows == [
        ReportRow("375293332211", "delivered", "2021-03-22 11:32:32"),
        ReportRow("375293332212", "NEW", None),
    ]


def test_rows_that_cannot_be_read_are_counted_but_teach_nothing() -> None:
    rows: list[object] = [
        1,
        None,
        {},
        {"phone": True, "status": "x"},
        {"phone": "+", "status": "x"},
    ]
    rows += [{"phone": 375293332211, "status": [5]}, {"phone": -375293332211, "status": "x"}]
    good = [{"phone": 375293332211, "status": "sent"}]

    page = read_reports(said({"result": rows + good}))

    assert isinstance(page, ReportPage)
    assert page.rows == [ReportRow("375293332211", "sent", None)]
    assert (page.row_count, page.unreadable_count) == (8, 7)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"result": 5}', b'{"result": {"a": 1}}', b"<p>"])
def test_a_page_that_cannot_be_read_is_asked_for_again(body: bytes) -> None:
    assert type(read_reports(Answer(status=200, body=body))) is TemporaryError


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("word", ["sent", "\\ud83d", "x\\u0000"])
def test_a_page_in_any_json_is_read(start: str, word: str) -> None:
    row = f'{{"phone": 375293332211, "status": "{word}"}}'

    page = read_reports(Answer(status=200, body=f'{start}{{"result": [{row}]}}'.encode()))

    assert isinstance(page, ReportPage)
    assert [read.phone for read in page.rows] == ["375293332211"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_know_say_nothing(number: str) -> None:
    body = f'{{"result": [], "took": {number}}}'
    assert read_reports(Answer(status=200, body=body.encode())) == ReportPage([])


def test_the_gateways_words_can_be_stored() -> None:
    half = "\ud83d" + "x" * 500

    quick = read_quick(said({"sms_id": 1, "status": half}))
    bulk = read_bulk(said({"uuid": "\ud83d"}))
    page = read_reports(said({"result": [{"phone": 375293332211, "status": half}]}))
    refused = read_quick(said({"error": half}))

    assert isinstance(quick, QuickAccepted)
    assert isinstance(bulk, BulkAccepted)
    assert isinstance(page, ReportPage)
    assert isinstance(refused, RefusedError)
    for word in (quick.gateway_status, bulk.uuid, page.rows[0].gateway_status, refused.reason):
        assert 0 < len(word.encode()) <= 200


@given(status=st.integers(0, 1000), body=bodies, retry_after=st.none() | st.text())
@example(status=200, body=b'{"error":' + b"[" * 900 + b"]" * 900 + b"}", retry_after=None)
@example(
    status=200, body=b'{"sms_id": 1, "status":' + b"[" * 900 + b"]" * 900 + b"}", retry_after=""
)
@example(status=429, body=b"{}", retry_after="Mon, 01 Jan 2024 00:00:00 +99999999999999")
def test_nothing_that_comes_is_an_exception(
    status: int, body: bytes | None, retry_after: str | None
) -> None:
    for read in READERS:
        result = read(Answer(status=status, body=body, retry_after=retry_after))

        assert isinstance(result, GatewayError | QuickAccepted | BulkAccepted | ReportPage)
        if isinstance(result, GatewayError):
            assert result.reason
            assert len(result.reason) <= 240
            again = pickle.loads(pickle.dumps(result))
            assert (type(again), vars(again)) == (type(result), vars(result))


@given(status=st.integers(0, 1000), body=bodies)
def test_only_a_2xx_with_the_documented_field_is_an_acceptance(
    status: int, body: bytes | None
) -> None:
    quick, bulk = (read(Answer(status=status, body=body)) for read in SEND_READERS)

    if isinstance(quick, QuickAccepted):
        assert (status // 100, b"sms_id" in (body or b"")) == (2, True)
    if isinstance(bulk, BulkAccepted):
        assert (status // 100, b"uuid" in (body or b"")) == (2, True)

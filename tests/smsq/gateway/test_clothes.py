"""One answer in every dress: what it means depends on its words and its proof, not on its dress.

The oracle below is the design's table of answers, written once more.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from itertools import cycle, product

import pytest

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
from smsq.gateway.http.encodings import unpack
from smsq.gateway.reports import ReportPage
from smsq.models import BulkAccepted, MessageRequest, QuickAccepted
from tests.smsq.gateway.raw import BULK, QUICK, answer, answering, client_of, raw_server

MOST = 100_000

STATUSES = (200, 201, 202, 299, 400, 402, 409, 422, 429, 451, 500, 502, 503, 504, 521, 524)
ALPHABETS = {  # as the body is written, and the charset that is declared
    "utf-8": ("utf-8", "utf-8"),
    "undeclared utf-8": ("utf-8", None),
    "utf-8 with a mark": ("utf-8-sig", None),
    "cp1251": ("cp1251", "windows-1251"),
    "undeclared cp1251": ("cp1251", None),
    "cp1251 called utf-8": ("cp1251", "UTF-8"),
    "utf-8 called latin": ("utf-8", "iso-8859-1"),
    "koi8": ("koi8-r", "KOI8-R"),
    "utf-16": ("utf-16", None),
    "of an unknown name": ("utf-8", "x-no-such"),
}
TYPES = ("application/json", "text/html", "")


def deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


PACKINGS: Mapping[str, tuple[str | None, Callable[[bytes], bytes]]] = {
    "plain": (None, bytes),
    "gzip": ("gzip", gzip.compress),
    "GZIP in two parts": ("X-GZIP", lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])),
    "undeclared gzip": (None, gzip.compress),
    "called gzip": ("gzip", bytes),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", deflate),
    "twice": ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
}
BUSY, LATER, MONEY, TOKEN = BusyError, TemporaryError, NoMoneyError, MisconfiguredError
#: What the gateway says, and what its words mean beside an error; None: no more than an error.
WORDINGS: list[tuple[str, type[GatewayError] | None]] = [
    ("Too many requests", BUSY),
    ("Слишком много запросов", BUSY),
    ("Попробуйте позже", LATER),
    ("Internal error, try again later", LATER),
    ("Недостаточно средств", MONEY),
    ("Insufficient funds", MONEY),
    ("Неверный токен", TOKEN),
    ("Неверное имя отправителя", None),
    ("Wrong alphaname. Check it is correct and approved.", None),
]
#: The dresses of an acceptance by sendQuickSMS and by sendBulkSms, and of one row of a report.
QUICK_PROOFS: list[object] = [
    {"sms_id": 5, "status": "NEW", "parts": 1},
    {"sms_id": "5", "status": "Отправлено", "parts": "1"},
    {"sms_id": 5.0, "status": 0, "parts": None},
    {"sms_id": " 5 ", "error": "0", "message": "try again later"},
    {"sms_id": 5, "error": "Viber name is not approved, SMS only", "success": False},
    [{"sms_id": 5}],
    {"result": {"sms_id": 5}, "error": ""},
    {"data": [{"sms_id": 5}], "success": True},
    json.dumps({"sms_id": 5}),
]
BULK_PROOFS: list[object] = [
    {"uuid": "5", "success": "OK"},
    {"uuid": 5, "success": 1},
    {"uuid": "5", "success": True, "message": "Принято"},
    {"uuid": "5", "success": "OK", "error": "Недостаточно средств на завтра"},
    {"data": {"uuid": "5", "success": "ok"}},
]
ROW = {"phone": 375291234567, "status": "delivered"}
PAGES: list[object] = [
    {"result": [ROW]},
    {"result": ROW},
    {"result": {"0": ROW}},
    {"result": {"375291234567": {"status": "delivered"}}},
    {"result": {"total": 1, "rows": [ROW]}},
    {"data": {"result": [ROW]}, "message": "Готово"},
    [ROW],
]


def dressed(status: int, document: object, alphabet: str, packing: str, kind: str) -> Answer:
    """Write an answer, and unpack it as the client does."""
    codec, charset = ALPHABETS[alphabet]
    header, pack = PACKINGS[packing]
    body = pack(json.dumps(document, ensure_ascii=False).encode(codec))
    content_type = f"{kind}; charset={charset}" if charset else kind or None
    return Answer(
        status=status, content_type=content_type, body=unpack(body, header, max_bytes=MOST)
    )


def every_dress(status: int, document: object) -> list[Answer]:
    dresses = [(name, "plain") for name in ALPHABETS] + [("cp1251", name) for name in PACKINGS]
    kinds = cycle(TYPES)
    return [dressed(status, document, *dress, next(kinds)) for dress in dresses]


def oracle(status: int, words: type[GatewayError] | None) -> type[GatewayError]:
    """Say what a failure means, by the table: its row, unless the words say more."""
    if status in (502, 504) or 520 <= status < 530:
        return UnknownOutcomeError
    by_row = {402: MONEY, 429: BUSY, 500: LATER, 503: LATER}
    return words or by_row.get(status, RefusedError)


@pytest.mark.parametrize("document", QUICK_PROOFS, ids=str)
def test_any_2xx_with_an_sms_id_is_an_acceptance(document: object) -> None:
    for status in (200, 201, 202, 203, 299):
        for said in every_dress(status, document):
            accepted = read_quick(said)

            assert isinstance(accepted, QuickAccepted), said
            assert accepted.sms_id == 5


@pytest.mark.parametrize("document", BULK_PROOFS, ids=str)
def test_any_2xx_with_a_uuid_and_success_is_an_acceptance(document: object) -> None:
    for status in (200, 201, 202, 203, 299):
        for said in every_dress(status, document):
            assert read_bulk(said) == BulkAccepted("5"), said


@pytest.mark.parametrize("document", PAGES, ids=str)
def test_a_page_is_read_in_any_dress(document: object) -> None:
    for said in every_dress(200, document):
        page = read_reports(said)

        assert isinstance(page, ReportPage), said
        assert [row.phone for row in page.rows] == ["375291234567"]
        assert page.unreadable_count == 0


@pytest.mark.parametrize(("words", "meaning"), WORDINGS)
def test_words_mean_what_they_mean_in_any_dress(
    words: str, meaning: type[GatewayError] | None
) -> None:
    documents: list[object] = [
        {"error": words},
        {"error": "Error", "message": words},
        {"error": True, "detail": [words]},
        {"success": False, "message": words},
        {"success": "0", "sms_id": None, "uuid": "", "message": words},
        {"status": "error", "reason": words},
        {"result": "FAILED", "message": words},
        {"ok": False, "description": words},
        {"data": {"error": words}},
        {"response": [{"success": False, "message": words}]},
        [{"errors": {"text": words}}],
    ]
    everywhere = [said for status in STATUSES for said in every_dress(status, documents[0])]
    some = [
        dressed(status, document, alphabet, "gzip", "")
        for status in (200, 202, 400, 500, 504)
        for document in documents
        for alphabet in ("utf-8", "undeclared cp1251")
    ]
    for said in everywhere + some:
        for read in (read_quick, read_bulk):
            failure = read(said)

            assert type(failure) is oracle(said.status, meaning), (said, failure)
            assert words in failure.reason


def test_words_that_are_no_json_mean_the_same_with_a_4xx_or_5xx() -> None:
    for (words, meaning), status in product(WORDINGS, (400, 422, 429, 500, 503)):
        for codec, charset in ALPHABETS.values():
            if codec == "utf-16":
                continue
            kind = f"text/plain; charset={charset}" if charset else "text/plain"
            failure = read_quick(Answer(status=status, content_type=kind, body=words.encode(codec)))

            assert type(failure) is oracle(status, meaning), (words, status, charset)


def test_without_proof_and_without_an_error_a_2xx_is_unknown_and_keeps_its_words() -> None:
    for status, document in product(
        (200, 201, 202), ({"message": "Принято"}, {"sms_id": 0, "uuid": 0, "message": "Принято"})
    ):
        for said in every_dress(status, document):
            for read in (read_quick, read_bulk):
                failure = read(said)

                assert type(failure) is UnknownOutcomeError
                assert "Принято" in failure.reason


def test_an_id_beside_a_denied_success_is_neither_accepted_nor_sent_again() -> None:
    for success in (False, 0, "0", "false", "error", "FAILED"):
        for said in every_dress(200, {"uuid": "5", "success": success, "message": "try later"}):
            assert type(read_bulk(said)) is UnknownOutcomeError


def test_an_acceptance_is_found_behind_a_warning_but_not_in_our_own_text() -> None:
    warned = b'<br />\nWarning: date() in /var/www/api.php\n{"sms_id": 5}'
    repeated = b'Bad text: {"sms_id": 5}'

    assert isinstance(read_quick(Answer(status=200, body=warned)), QuickAccepted)
    assert isinstance(
        read_quick(Answer(status=200, body=repeated, secrets=('{"sms_id": 5}',))),
        UnknownOutcomeError,
    )


def test_what_unpacks_to_more_than_was_asked_for_is_not_unpacked() -> None:
    bomb = gzip.compress(gzip.compress(b"{" + b" " * 50_000_000 + b'"sms_id": 5}'))

    assert unpack(bomb, "gzip, gzip", MOST) is None
    assert unpack(gzip.compress(b"x" * MOST), "gzip", MOST) == b"x" * MOST
    assert unpack(gzip.compress(b"x" * (MOST + 1)), "gzip", MOST) is None
    assert unpack(gzip.compress(b"x" * MOST) + gzip.compress(b"y"), "gzip", MOST) is None


def test_packed_answers_in_another_alphabet_come_through_the_client() -> None:
    def page(document: object) -> bytes:
        body = gzip.compress(json.dumps(document, ensure_ascii=False).encode("cp1251"))
        headers = ["Content-Encoding: gzip", "Content-Type: application/json; charset=cp1251"]
        return answer(200, body, headers)

    accepted = page({"sms_id": 5, "status": "Отправлено"})
    delivered = page({"result": [{"phone": 375291234567, "status": "Доставлено"}]})
    with raw_server(answering(accepted, delivered)) as server, client_of(server.url) as client:
        assert client.send_quick(QUICK) == QuickAccepted(5, "Отправлено", 0)
        (row,) = client.fetch_reports(5, offset=0, rows=10).rows

    assert row.gateway_status == "Доставлено"


def test_an_answer_may_be_as_large_as_the_request_has_recipients() -> None:
    phones = [f"375291{n:06d}" for n in range(1000)]
    rows = [{"phone": p, "status": "NEW", "parts": 1, "sms_id": int(p), "note": ""} for p in phones]
    for row in rows:
        row["text"] = "Щ" * 670
    large = answer(200, json.dumps({"uuid": "u-1", "success": "OK", "list": rows}).encode())
    message = MessageRequest(
        name="Sale", alphaname_id="1", text="t", recipients=dict.fromkeys(phones)
    )
    with raw_server(answering(large)) as server, client_of(server.url) as client:
        assert client.send_bulk([message], "") == BulkAccepted("u-1")
        with pytest.raises(UnknownOutcomeError):
            client.send_bulk(BULK, "")  # nobody needs so much for two recipients

"""The gateway's own words, kept without what nobody may see."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.gateway.echoes import spell
from smsq.gateway.reasons import (
    MAX_REASON,
    clean_reason,
    clean_status,
    clean_word,
    find_reason,
    read_retry_after_s,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SECRET = "tok+en/4f1c9d72aa=="
TEXT = "Ваш секретный код: K4Q8Z7"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"error": " no money "}, "no money"),
        ({"message": "bad phone"}, "bad phone"),
        ({"error": "", "detail": "late"}, "late"),
        ({"errors": [{"phone": "bad"}]}, "[{'phone': 'bad'}]"),
        ({"error": 5}, ""),
        ({}, ""),
        ([], ""),
        (None, ""),
        ("error", ""),
    ],
)
def test_a_reason_is_found_where_gateways_put_it(document: object, reason: str) -> None:
    assert find_reason(document) == reason


def test_what_we_sent_is_taken_out_and_the_rest_stays() -> None:
    reason = clean_reason(f"token {SECRET} may not send {TEXT} now", [SECRET, TEXT])

    assert reason == "token … may not send … now"


@pytest.mark.parametrize(
    "repeated",
    [
        quote_plus(SECRET),
        SECRET[:12],
        SECRET[5:],
        quote_plus(TEXT),
        TEXT[3:15],
        repr([TEXT + "'\""]),
    ],
)
def test_a_piece_or_another_spelling_of_it_does_not_pass(repeated: str) -> None:
    reason = clean_reason(f"cannot take {repeated} today", [SECRET, TEXT])

    assert "tok" not in reason
    assert "4f1c" not in reason
    assert "секр" not in reason
    assert "%" not in reason


def test_a_short_text_goes_where_it_stands_as_a_word() -> None:
    assert clean_reason("this text is bad: hi", ["hi"]) == "this text is bad: …"
    assert clean_reason("code 482 refused", ["482"]) == "code … refused"


def test_the_longer_secret_goes_first() -> None:
    assert clean_reason("no: code 4821 for you", ["4821", "code 4821 for"]) == "no: … you"


@pytest.mark.parametrize("phone", ["375291234567", "+375291234567", "80291234567"])
def test_phones_are_masked(phone: str) -> None:
    reason = clean_reason(f"number {phone} is blocked", [])

    assert phone not in reason
    assert phone[-2:] in reason
    assert "is blocked" in reason


PHONES = [
    "+375 29 123-45-67",
    "(29) 123-45-67",
    "8 029 123 45 67",
    "375\u00a029\u00a0123\u200b4567",
]
WAYS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "entities": lambda phone: "".join(f"&#{ord(c)};" for c in phone),
    "named": lambda phone: phone.replace(" ", "&nbsp;").replace("+", "&plus;"),
    "json": lambda phone: "".join(f"\\u{ord(c):04X}" for c in phone),
    "query": quote,
    "twice": lambda phone: quote(quote(phone)),
    "tags": lambda phone: "<b>".join(phone),
}


def pieces_of(text: str) -> set[str]:
    """Any six digits of it that follow each other: a masked phone shows five, and never these."""
    digits = "".join(c for c in text if c.isdecimal())
    return {digits[n : n + 6] for n in range(len(digits) - 5)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("phone", PHONES)
def test_a_phone_is_masked_however_it_is_written(phone: str, way: str) -> None:
    """Of a stranger: nothing of the request tells us."""
    said = f"Абонент {WAYS[way](phone)} в чёрном списке"
    for cleaned in (clean_reason(said, ["hello"]), clean_status(said, 200)):
        assert "чёрном списке" in cleaned
        for shown in (cleaned, *spell(cleaned)):
            assert not pieces_of(phone) & pieces_of(shown)


def test_words_with_escapes_are_read_before_they_are_masked() -> None:
    said = "\\u043a\\u043e\\u0434 482913, IP 192.168.1.10"

    assert clean_reason(said, ["Код: 482913"]) == "код ******, IP 192.168.1.10"


@given(st.text(max_size=120), st.sampled_from(PHONES), st.sampled_from(sorted(WAYS)), st.text())
def test_no_phone_stays_in_any_words(before: str, phone: str, way: str, after: str) -> None:
    for shown in spell(clean_status(f"{before}{WAYS[way](phone)}{after}", 400)):
        assert not pieces_of(phone) & pieces_of(shown)


@given(st.text(st.characters(codec=None)))
def test_no_word_of_the_gateways_controls_a_terminal(said: str) -> None:
    for shown in (clean_reason(said, []), clean_status(said, 100), clean_word(said, 100)):
        assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_what_would_break_a_log_line_is_gone() -> None:
    assert clean_reason("a\r\nb\x1b[31m\u2028c\x00", []) == "a b [31m c"


@given(st.text(max_size=300), st.text(min_size=8, max_size=40), st.text(max_size=300))
def test_a_secret_never_stays_and_a_reason_is_always_short(
    before: str, secret: str, after: str
) -> None:
    reason = clean_reason(before + secret + after, [secret])

    assert secret not in reason
    assert len(reason.encode()) <= 4 * MAX_REASON


def test_so_much_is_looked_through_and_no_more() -> None:
    for said in ("я" * 60_000, ["я"] * 60_000):
        assert MAX_REASON < len(find_reason({"error": said})) < 1000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("0.5", 0.5),
        ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 12:00:30 -0000", 30.0),
        ("99999999", 3600.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Tue, 24 Nov 2026 11:00:00 GMT", None),
        ("Mon, 01 Jan 2024 00:00:00 +99999999999999", None),
        ("1 Jan 2024 99999999999999999999:0:0", None),
    ],
)
def test_a_pause_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert read_retry_after_s(header, now=NOW) == seconds


@given(st.text())
def test_no_header_is_an_exception(header: str) -> None:
    seconds = read_retry_after_s(header, now=NOW)
    assert seconds is None or 0 <= seconds <= 3600

"""Parsers of settings: the value, or a ValueError that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.environment import parsers
from smsq.models import OnUnknown

ALL: dict[str, Callable[[str], Any]] = {
    "whole": parsers.whole(1, 1000),
    "number": parsers.number(0.1, 86_400),
    "choice": parsers.choice(OnUnknown),
    "flag": parsers.flag,
    "base_url": parsers.base_url,
    "gateway_url": parsers.gateway_url,
    "namespace": parsers.namespace,
    "alphaname_id": parsers.alphaname_id,
    "timezone": parsers.timezone,
    "region": parsers.region,
    "price": parsers.price,
    "status_map": parsers.status_map,
}
GATEWAY_EXAMPLE = "write scheme, host and port, as in https://gateway.example"
NO_PATH = "write scheme, host and port without a path"


def refusal(parse: Callable[[str], Any], text: str) -> str:
    with pytest.raises(ValueError, match=r"^write ") as caught:
        parse(text)
    assert type(caught.value) is ValueError
    return str(caught.value)


@pytest.mark.parametrize("name", ALL)
@given(
    text=st.text(max_size=30)
    | st.text("0123456789.,-+eE_ ", max_size=12)
    | st.from_regex(r"https?://[a-z0-9.:/@?#\[\]]{0,20}", fullmatch=True)
)
def test_any_text_is_a_value_or_is_told_what_to_write(name: str, text: str) -> None:
    try:
        value = ALL[name](text)
    except ValueError as error:
        said = str(error)
        # The same words whatever was written: a secret in the wrong variable must not come out.
        assert said in {refusal(ALL[name], "\0"), NO_PATH}
    else:
        assert value is not None


@given(st.integers())
def test_a_whole_number_is_taken_within_its_bounds_alone(number: int) -> None:
    parse = parsers.whole(1, 1000)

    if 1 <= number <= 1000:
        assert parse(str(number)) == number
    else:
        assert refusal(parse, str(number)) == "write a whole number from 1 to 1000"


@pytest.mark.parametrize("text", ["", "1.0", "1e2", "ten", "0x10", "1 000", "9" * 5000])
def test_other_spellings_of_a_whole_number_are_refused(text: str) -> None:
    refusal(parsers.whole(1, 1000), text)


@given(st.floats())
def test_a_number_is_taken_within_its_bounds_alone(number: float) -> None:
    parse = parsers.number(0.1, 2_592_000)

    if 0.1 <= number <= 2_592_000:
        assert parse(repr(number)) == number
    else:
        assert refusal(parse, repr(number)) == "write a number from 0.1 to 2592000"


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "0,2", "1/2", "ten"])
def test_what_is_no_number_is_refused(text: str) -> None:
    refusal(parsers.number(0, 1e9), text)


def test_a_choice_and_a_flag_take_their_words_alone() -> None:
    assert parsers.choice(OnUnknown)("resend") is OnUnknown.RESEND
    assert refusal(parsers.choice(OnUnknown), "Hold") == "write one of: hold, resend"
    assert [parsers.flag("1"), parsers.flag("0")] == [True, False]
    for text in ("true", "yes", "2", ""):
        assert refusal(parsers.flag, text) == "write 1 or 0"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://gateway.example", "https://gateway.example"),
        ("https://gateway.example/", "https://gateway.example"),
        ("http://127.0.0.1:8080//", "http://127.0.0.1:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_loses_its_last_slash(text: str, address: str) -> None:
    assert parsers.gateway_url(text) == parsers.base_url(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "gateway.example",
        "//gateway.example",
        "ftp://gateway.example",
        "https://",
        "https:///api",
        "https://gateway.example:0",
        "https://gateway.example:99999",
        "https://gateway.example:https",
        "https://gateway.example:",
        "https://user:password@gateway.example",
        "https://gateway.example?",
        "https://gateway.example?token=1",
        "https://gateway.example#",
        "https://gateway .example",
        "https://gateway.example\tx",
        "https://[::1",
    ],
)
def test_an_address_that_would_break_requests_is_refused(text: str) -> None:
    assert refusal(parsers.base_url, text) == GATEWAY_EXAMPLE
    assert refusal(parsers.gateway_url, text) == GATEWAY_EXAMPLE


def test_the_receiver_may_stand_below_a_path_and_the_gateway_may_not() -> None:
    assert parsers.base_url("https://shop.example/sms/") == "https://shop.example/sms"
    for text in ("https://gateway.example/api/v1", "https://gateway.example/x/"):
        assert refusal(parsers.gateway_url, text) == NO_PATH


@given(st.from_regex(r"https?://[a-z0-9.:/@?#_-]{1,20}", fullmatch=True))
def test_a_path_can_be_appended_to_an_accepted_address(text: str) -> None:
    try:
        address = parsers.gateway_url(text)
    except ValueError:
        return
    parts = urlsplit(f"{address}/api/v1/sendQuickSMS?token=t")
    assert parts.hostname
    assert parts.path == "/api/v1/sendQuickSMS"
    assert parts.query == "token=t"


def test_a_namespace_holds_no_pattern_and_no_separator() -> None:
    for text in ("smsq", "{shop}", "a.b-c_D9", "n" * 64):
        assert parsers.namespace(text) == text
    for text in ("", "a b", "a:b", "a*", "a?", "[a]", "имя", "a\n", "n" * 65):
        assert refusal(parsers.namespace, text).startswith("write 1 to 64")


def test_a_zone_and_a_region_are_ones_that_exist() -> None:
    for text in ("Europe/Minsk", "UTC", "America/Argentina/Buenos_Aires"):
        assert parsers.timezone(text) == text
    for text in ("Minsk", "GMT+3", "Europe", "../etc/passwd", "/etc/localtime", "a\0b"):
        assert refusal(parsers.timezone, text) == "write a zone like Europe/Minsk"
    assert [parsers.region(text) for text in ("BY", "RU")] == ["BY", "RU"]
    for text in ("by", "BLR", "375", "ZZ", ""):
        assert refusal(parsers.region, text) == "write a two-letter region like BY"


def test_the_gateways_words_are_read_with_their_states() -> None:
    words = parsers.status_map(" Read=delivered, handed_over = sent ,blocked=undelivered,")

    assert words == {"read": "delivered", "handed over": "sent", "blocked": "undelivered"}


@pytest.mark.parametrize(
    "text", ["read", "read=", "=sent", "read=deliverd", "read=no_report", "a b"]
)
def test_a_word_without_a_state_of_ours_is_refused(text: str) -> None:
    assert "as in read=delivered,blocked=undelivered" in refusal(parsers.status_map, text)


def test_a_word_cannot_have_two_states() -> None:
    assert "each word once" in refusal(parsers.status_map, "read=delivered,READ=sent")
    assert parsers.status_map("read=sent,Read=sent") == {"read": "sent"}


@pytest.mark.parametrize(
    ("text", "value"), [("0.035", "0.035"), ("0,035", "0.035"), ("12", "12"), ("0", "0")]
)
def test_a_price_is_written_as_the_accountant_does(text: str, value: str) -> None:
    assert parsers.price(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "-1", "1.", ".5", "1 000", "1,000.50", "1e3", "NaN", "٣", "5 €"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    assert refusal(parsers.price, text) == "write a price like 0.035"

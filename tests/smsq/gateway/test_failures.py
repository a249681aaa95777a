"""Words of the gateway mean what they mean, whatever the status beside them."""

from __future__ import annotations

import json

import pytest

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    NoMoneyError,
    RefusedError,
    TemporaryError,
)
from smsq.gateway.answers import Answer, read_bulk, read_quick
from smsq.gateway.failures import read_words

WORDS: list[tuple[str, type[GatewayError] | None]] = [
    ("Invalid token!", MisconfiguredError),
    ("wrong TOKEN", MisconfiguredError),
    ("token is invalid", MisconfiguredError),
    ("INVALID_API_KEY", MisconfiguredError),
    ("Неверный токен", MisconfiguredError),
    ("Account is blocked", MisconfiguredError),
    ("Insufficient funds", NoMoneyError),
    ("insufficient_funds", NoMoneyError),
    ("no money", NoMoneyError),
    ("Not enough money on the account", NoMoneyError),
    ("Your balance is too low", NoMoneyError),
    ("balance is empty", NoMoneyError),
    ("Low balance", NoMoneyError),
    ("Недостаточно средств", NoMoneyError),
    ("Недостаточно средств на балансе", NoMoneyError),
    ("Баланс: не хватает средств", NoMoneyError),
    ("Баланс исчерпан, пополните счёт", NoMoneyError),
    ("Нет денег на счету", NoMoneyError),
    ("Payment required", NoMoneyError),
    ("Too many requests", BusyError),
    ("Request limit exceeded", BusyError),
    ("rate-limit", BusyError),
    ("Server is busy, try again later", BusyError),
    ("Слишком много запросов", BusyError),
    ("Превышен лимит запросов", BusyError),
    ("Please try again later", TemporaryError),
    ("Service temporarily unavailable", TemporaryError),
    ("Попробуйте позже", TemporaryError),
    ("Сервис временно недоступен", TemporaryError),
    ("Ведутся технические работы", TemporaryError),
    ("Wrong alphaname. Check it is correct and approved.", None),
    ("schedule_time must be later than now", None),
    ("Too many recipients", None),
    ("bad request", None),
    ("message name is missing", None),
    ("['no', 'money']", None),
    ("", None),
]


@pytest.mark.parametrize(("reason", "kind"), WORDS)
def test_words_are_read_as_the_table_says(reason: str, kind: type[GatewayError] | None) -> None:
    assert read_words(reason) is kind
    assert read_words(reason.upper()) is kind


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 429, 500, 503])
@pytest.mark.parametrize(("reason", "kind"), [row for row in WORDS if row[1]])
def test_words_decide_whatever_the_status(
    status: int, reason: str, kind: type[GatewayError]
) -> None:
    body = json.dumps({"error": reason}).encode()
    for read in (read_quick, read_bulk):
        failure = read(Answer(status=status, body=body, retry_after="7"))

        assert type(failure) is kind
        assert reason in failure.reason
        assert getattr(failure, "retry_after_s", 7.0) == 7.0
        assert getattr(failure, "is_certain", None) in {status in {401, 403}, None}


def test_what_repeats_the_request_says_nothing() -> None:
    text = "We have insufficient funds, try again later"
    body = json.dumps({"error": f"bad text: {text}"}).encode()

    assert type(read_quick(Answer(status=400, body=body, secrets=(text,)))) is RefusedError


def test_a_status_alone_leaves_it_open_whose_fault_it_is() -> None:
    for status in (401, 403, 404, 302):
        failure = read_quick(Answer(status=status, body=b"<h1>no</h1>"))

        assert isinstance(failure, MisconfiguredError)
        assert not failure.is_certain

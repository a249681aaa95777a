"""How a request is named where it is measured."""

from __future__ import annotations

from decimal import Decimal

import pytest

from smsq import errors
from smsq.domain.account import Endpoint
from smsq.measures.exchange import (
    NO_EXCHANGE,
    count_all_parts,
    measure,
    name_reason,
    to_millionths,
)
from smsq.models import MessageRequest

NAMED = [
    (errors.RefusedError("phone 375291234567 is bad", status=400), "http_400"),
    (errors.RefusedError("teapot", status=418), "http_4xx"),
    (errors.TemporaryError("x", status=599), "http_5xx"),
    (errors.BusyError("x", status=429), "http_429"),
    (errors.NotSentError("x"), "no_connection"),
    (errors.UnknownOutcomeError("x"), "no_answer"),
    (errors.MisconfiguredError("certificate"), "tls"),
    (errors.UnknownOutcomeError("x", status=200), "http_2xx"),
]


@pytest.mark.parametrize(("failure", "reason"), NAMED, ids=lambda value: str(value))
def test_a_reason_is_one_of_few_and_never_the_gateways_words(
    failure: errors.GatewayError, reason: str
) -> None:
    assert name_reason(failure) == reason
    exchange = measure(Endpoint.QUICK, failure, 84.4)
    assert exchange.args == ("q", failure.outcome, reason, 84, 0, 0)


def test_what_was_never_asked_is_not_measured() -> None:
    assert measure(Endpoint.BULK, errors.UnpreparedError("no text"), 1) is NO_EXCHANGE


def test_parts_are_counted_for_each_recipient() -> None:
    common = MessageRequest(
        name="", alphaname_id="1", text="x" * 161, recipients={"1": None, "2": None}
    )
    own = MessageRequest(
        name="", alphaname_id="1", text=None, recipients={"1": "hi", "2": "ж" * 71}
    )
    assert count_all_parts([common, own]) == 2 * 2 + 1 + 2


def test_a_price_is_exact_in_millionths() -> None:
    assert to_millionths(Decimal("0.035")) == 35_000
    assert to_millionths(None) == 0

"""The tree of errors: who is whose, and what survives a pickle."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from smsq import errors
from smsq.errors import (
    BusyError,
    ConfigError,
    GatewayError,
    InvalidMessageError,
    KeyConflictError,
    LimitedError,
    MisconfiguredError,
    NoMoneyError,
    NotFoundError,
    NotSentError,
    QueueUnavailableError,
    RefusedError,
    SmsqError,
    TemporaryError,
    UnknownOutcomeError,
    UnpreparedError,
    WebhookError,
)
from smsq.models import Outcome

EXAMPLES: list[SmsqError] = [
    SmsqError("why"),
    ConfigError(["SMSQ_BURST: write a whole number", "two"]),
    InvalidMessageError(["text is empty", "two"]),
    QueueUnavailableError("Redis did not answer", may_be_stored=True),
    QueueUnavailableError("Redis cannot be reached"),
    NotFoundError("no job has the id j1"),
    KeyConflictError("this key was used before"),
    LimitedError("too many", 12.5, stored=["j1", None], limited={2: 12.5}),
    WebhookError("too_old", "the post is too old"),
    GatewayError("why", status=418),
    RefusedError("400: no", status=400),
    MisconfiguredError("401", status=401),
    MisconfiguredError("invalid token", status=200, is_certain=True),
    NoMoneyError("insufficient funds", status=402),
    BusyError("429", status=429, retry_after_s=7.5),
    BusyError("429", status=429),
    TemporaryError("503", status=503, retry_after_s=30.0),
    NotSentError("refused"),
    UnpreparedError("it could not be written"),
    UnknownOutcomeError("unreadable answer", status=200),
]


def test_every_error_is_ours_and_has_an_example_here() -> None:
    classes = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }

    assert classes == {type(example) for example in EXAMPLES}
    assert all(issubclass(kind, SmsqError) for kind in classes)
    for kind in classes:
        assert kind.__name__ in (errors.__doc__ or ""), kind


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickle_and_copy(error: SmsqError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_bad_input_is_a_value_error_too() -> None:
    error = InvalidMessageError(["one", "two"])

    assert isinstance(error, ValueError)
    assert error.mistakes == ("one", "two")
    assert str(error) == "one\ntwo"


def test_every_failure_of_the_gateway_is_one_outcome() -> None:
    kinds = GatewayError.__subclasses__()

    assert {kind.outcome for kind in kinds} == set(Outcome) - {Outcome.ACCEPTED}
    assert len(kinds) == len(Outcome) - 1

"""What Redis said, and what to do about it."""

from __future__ import annotations

import pytest
from redis import exceptions

from smsq.store.refusals import explain, say


@pytest.mark.parametrize(
    ("error", "what", "fix"),
    [
        (exceptions.OutOfMemoryError("command not allowed"), "full", "maxmemory"),
        (exceptions.ResponseError("Error running script: -OOM command"), "full", "maxmemory"),
        (exceptions.ResponseError("MISCONF Redis is configured to"), "disk", "room"),
        (exceptions.ReadOnlyError("You can't write"), "read-only", "primary"),
        (exceptions.MasterDownError("Link with MASTER"), "read-only", "primary"),
        (exceptions.BusyLoadingError("Redis is loading"), "loading", "wait"),
        (exceptions.ResponseError("NOREPLICAS Not enough"), "replicas", "start"),
        (exceptions.NoPermissionError("no permissions"), "right", "ACL"),
        (exceptions.AuthenticationError("invalid username-password"), "password", "correct"),
        (exceptions.ConnectionError("max number of clients reached"), "clients", "maxclients"),
        (exceptions.MovedError("1 127.0.0.1:7000"), "cluster", "node"),
        (exceptions.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED]"), "certificate", "ca_certs"),
    ],
)
def test_each_kind_of_refusal_says_what_to_do(
    error: exceptions.RedisError, what: str, fix: str
) -> None:
    explained = explain(error)

    assert explained
    assert what in explained[0]
    assert fix in explained[1]
    assert "cannot be reached" not in say(error)


def test_a_redis_that_said_nothing_cannot_be_reached() -> None:
    error = exceptions.ConnectionError("Error 111 connecting to 127.0.0.1:1")

    assert explain(error) is None
    assert say(error) == "Redis cannot be reached (ConnectionError)"

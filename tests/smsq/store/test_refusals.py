"""What Redis said when it refused, what to do, and whether anything was stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, exceptions

# What the client makes of the line that Redis writes, with and without hiredis.
from redis._parsers.base import BaseParser

import smsq
from smsq.errors import QueueUnavailableError
from smsq.store.refusals import (
    REFUSALS,
    explain,
    find_refusal,
    has_moved,
    is_of_data,
    may_have_written,
    say,
)
from tests.support import RedisServer, free_port, has_at_least

IN_SCRIPT_7 = " script: 2b8f, on @user_script:96."
IN_SCRIPT_6 = "ERR Error running script (call to f_2b8f): @user_script:96: @user_script: 96: -"

#: As Redis writes it; whether something may be stored; whether another one is the primary now.
LINES = {
    "READONLY You can't write against a read only replica.": (False, True),
    f"READONLY You can't write against a read only replica.{IN_SCRIPT_7}": (False, True),
    f"{IN_SCRIPT_6}READONLY You can't write against a read only replica. ": (False, True),
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": (
        *(False, True),
    ),
    "NOMASTERLINK Can't SYNC while not connected with my master": (False, True),
    "UNBLOCKED force unblock from blocking operation, instance state changed": (True, True),
    "OOM command not allowed when used memory > 'maxmemory'.": (False, False),
    f"OOM command not allowed when used memory > 'maxmemory'.{IN_SCRIPT_7}": (False, False),
    f"{IN_SCRIPT_6}OOM command not allowed when used memory > 'maxmemory'. ": (False, False),
    "MISCONF Redis is configured to save RDB snapshots, but it's unable to.": (False, False),
    f"MISCONF Errors writing to the AOF file: No space left{IN_SCRIPT_7}": (False, False),
    "NOREPLICAS Not enough good replicas to write.": (False, False),
    "LOADING Redis is loading the dataset in memory": (False, False),
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL.": (False, False),
    "UNKILLABLE Sorry the script already executed write commands.": (True, False),
    "NOPERM this user has no permissions to run the 'evalsha' command": (False, False),
    "NOPERM User sms has no permissions to run the 'script|load' command": (False, False),
    f"NOPERM No permissions to access a key{IN_SCRIPT_7}": (True, False),
    f"ERR ACL failure in script: User sms has no permissions to run 'xadd'{IN_SCRIPT_7}": (
        *(True, False),
    ),
    f"ERR The user executing the script can't run this command{IN_SCRIPT_7}": (True, False),
    f"{IN_SCRIPT_6}NOPERM The user executing the script can't run this command ": (True, False),
    "NOAUTH Authentication required.": (False, False),
    "ERR unknown command `HELLO`, with args beginning with: `3`, ": (False, False),
    "ERR unknown command 'HELLO', with args beginning with: '3'": (False, False),
    "WRONGPASS invalid username-password pair or user is disabled.": (False, False),
    "ERR max number of clients reached": (False, False),
    "NOSCRIPT No matching script. Please use EVAL.": (False, False),
    "CLUSTERDOWN Hash slot not served": (False, False),
    "MOVED 3999 127.0.0.1:6381": (False, False),
    "ASK 3999 127.0.0.1:6381": (False, False),
    f"ERR Script attempted to access a non local key in a cluster node{IN_SCRIPT_7}": (
        *(True, False),
    ),
    "CROSSSLOT Keys in request don't hash to the same slot": (False, False),
    f"ERR Script attempted to access keys that do not hash to the same slot{IN_SCRIPT_7}": (
        *(True, False),
    ),
    f"ERR Script attempted to access a slot not served{IN_SCRIPT_7}": (True, False),
    "ERR SELECT is not allowed in cluster mode": (False, False),
    "ERR DB index is out of range": (False, False),
    "TRYAGAIN Multiple keys request during rehashing of slot": (False, False),
    "EXECABORT Transaction discarded because of previous errors.": (False, False),
}

#: What only looks like a refusal, or says how far a script came: something may be stored.
DOUBTFUL = [
    f"WRONGTYPE Operation against a key holding the wrong kind of value{IN_SCRIPT_7}",
    f"ERR user_script:9: no such text: MISCONF and READONLY in a message{IN_SCRIPT_7}",
    f"ERR Unknown Redis command called from script{IN_SCRIPT_7}",
    f"ERR Wrong number of args calling Redis command from script{IN_SCRIPT_7}",
    "ERR Error running script (call to f_1): @user_script:4: Unknown Redis command ",
    "NEWCODE nobody has heard of yet",
]


@pytest.mark.parametrize("line", LINES)
def test_each_answer_of_redis_says_whether_something_may_be_stored(line: str) -> None:
    may_be_stored, is_moved = LINES[line]
    error = BaseParser.parse_error(line)

    assert may_have_written(error) is may_be_stored
    assert has_moved(error) is is_moved
    assert not is_of_data(error)
    assert explain(error)
    assert "cannot be reached" not in say(error)


@pytest.mark.parametrize("line", LINES)
def test_what_a_pipeline_was_answered_is_the_same_refusal(line: str) -> None:
    """redis-py writes before it which command that was."""
    plain, piped = BaseParser.parse_error(line), BaseParser.parse_error(line)
    piped.args = (f"Command # 2 (SET key ...) of pipeline caused error: {plain}",)

    assert find_refusal(piped) is find_refusal(plain)
    assert not is_of_data(piped)


def test_every_kind_is_swept() -> None:
    rows = [find_refusal(BaseParser.parse_error(line)) for line in LINES]

    assert all(any(row is swept for swept in rows) for row in REFUSALS.values())


@pytest.mark.parametrize("line", DOUBTFUL)
def test_an_answer_that_is_no_known_refusal_may_hide_a_stored_job(line: str) -> None:
    error = BaseParser.parse_error(line)

    assert may_have_written(error)
    assert is_of_data(error)
    assert explain(error) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (exceptions.DataError("Invalid input of type"), False),
        (exceptions.MaxConnectionsError("Too many connections"), False),
        (exceptions.ResponseError("unknown command 'XADD', with args"), False),
        (exceptions.ResponseError("wrong number of arguments for 'set' command"), False),
        (exceptions.ConnectionError("READONLY"), True),
        (exceptions.TimeoutError("late"), True),
    ],
)
def test_what_the_client_says_itself_is_told_apart_too(
    error: exceptions.RedisError, expected: bool
) -> None:
    assert may_have_written(error) is expected
    assert not has_moved(error)


@pytest.mark.parametrize(
    ("line", "what", "fix"),
    [
        ("OOM command not allowed", "full", "maxmemory"),
        ("MISCONF Redis is configured to", "disk", "room"),
        ("READONLY You can't write", "read-only", "primary"),
        ("LOADING Redis is loading", "loading", "wait"),
        ("NOREPLICAS Not enough", "replicas", "start"),
        ("NOPERM no permissions", "right", "ACL"),
        ("WRONGPASS invalid username-password", "password", "correct"),
        ("ERR max number of clients reached", "clients", "maxclients"),
        ("MOVED 1 127.0.0.1:7000", "cluster", "without cluster"),
        ("CROSSSLOT Keys in request don't hash", "scatters the keys", "{shop}"),
        ("ERR SELECT is not allowed in cluster mode", "no database", "/0"),
        ("BUSY Redis is busy running a script.", "script", "SCRIPT KILL"),
    ],
)
def test_each_kind_of_refusal_says_what_to_do(line: str, what: str, fix: str) -> None:
    explained = explain(BaseParser.parse_error(line))

    assert explained
    assert what in explained[0]
    assert fix in explained[1]


def test_a_certificate_that_is_not_trusted_names_the_option() -> None:
    explained = explain(exceptions.ConnectionError("[SSL: CERTIFICATE_VERIFY_FAILED]"))

    assert explained
    assert "ssl_ca_certs" in explained[1]


def test_a_redis_that_said_nothing_cannot_be_reached() -> None:
    error = exceptions.ConnectionError("Error 111 connecting to 127.0.0.1:1")

    assert explain(error) is None
    assert say(error) == "Redis cannot be reached (ConnectionError)"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    folder: Path = tmp_path_factory.mktemp("redis")
    with RedisServer(folder) as started:
        yield started


def forbid(redis: Redis, *rights: str) -> None:
    redis.execute_command("ACL", "SETUSER", "default", *rights)


Act = Callable[[Redis], Any]
#: How to make a real Redis refuse, how to end it, and what it is to be called.
REAL: dict[str, tuple[Act, Act, str]] = {
    "a replica": (
        lambda redis: redis.replicaof("127.0.0.1", free_port()),
        lambda redis: redis.replicaof("NO", "ONE"),
        "read-only",
    ),
    "full": (
        lambda redis: redis.config_set("maxmemory", 1),
        lambda redis: redis.config_set("maxmemory", 0),
        "full",
    ),
    "too few replicas": (
        lambda redis: redis.config_set("min-replicas-to-write", 1),
        lambda redis: redis.config_set("min-replicas-to-write", 0),
        "replicas",
    ),
    "no right to run scripts": (
        lambda redis: forbid(redis, "-evalsha", "-eval"),
        lambda redis: forbid(redis, "+@all"),
        "right",
    ),
    "no right to the last command of a script": (
        lambda redis: forbid(redis, "-xadd"),
        lambda redis: forbid(redis, "+@all"),
        "right",
    ),
}


@pytest.mark.real_redis
@pytest.mark.parametrize("kind", REAL)
def test_a_producer_says_that_nothing_was_stored_only_where_nothing_was(
    server: RedisServer, kind: str
) -> None:
    if kind == "too few replicas" and not has_at_least(server.url, 7):
        pytest.skip("before Redis 7 scripts write though replicas are missing")
    begin, end, word = REAL[kind]
    redis = Redis(port=server.port, decode_responses=True)
    redis.flushall()
    queue = smsq.SmsQueue(server.url)
    begin(redis)
    try:
        with pytest.raises(QueueUnavailableError) as caught:
            queue.send_quick("+375291234567", "code", alphaname_id="123")
    finally:
        end(redis)

    is_stored = bool(redis.keys("smsq:job:*"))
    assert caught.value.may_be_stored is is_stored
    assert ("repeat with the same key" in caught.value.reason) is is_stored
    assert word in caught.value.reason
    assert "You can't" not in caught.value.reason
    queue.send_quick("+375291234567", "code again", alphaname_id="123")
    queue.close()
    redis.close()


@pytest.mark.real_redis
def test_a_redis_with_too_many_clients_is_called_so(server: RedisServer) -> None:
    admin = Redis(port=server.port, decode_responses=True)
    admin.config_set("maxclients", len(admin.client_list()))
    queue = smsq.SmsQueue(server.url)
    try:
        with pytest.raises(QueueUnavailableError, match="too many clients") as caught:
            queue.send_quick("+375291234567", "code", alphaname_id="123")
    finally:
        admin.config_set("maxclients", 1000)

    assert not caught.value.may_be_stored
    queue.close()
    admin.close()

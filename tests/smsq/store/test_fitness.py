"""Whether a server can keep the ledger: version, scripts, rights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    MovedError,
    NoPermissionError,
    ResponseError,
)

import smsq
from smsq.models import JobState
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.fitness import PROBES, find_age, find_faults, read_answers
from smsq.store.scripts import find_files
from tests.support import RedisServer, has_at_least, wait_until

#: Written in scripts as `redis.call(command, ...)`.
CALLED_BY_VARIABLE = {"SADD", "SMEMBERS", "SMISMEMBER", "SREM"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as started:
        yield started


def connect_as(server: RedisServer, *rights: str) -> Redis:
    admin = Redis(port=server.port)
    admin.execute_command("ACL", "SETUSER", "sms", "reset", "on", ">q", "&*", *rights)
    admin.close()
    return connect(f"redis://sms:q@127.0.0.1:{server.port}/0")


def test_every_command_of_the_scripts_is_looked_at() -> None:
    called = set()
    for file in find_files().values():
        called |= set(re.findall(r"redis\.p?call\('([A-Z]+)'", file.read_text()))

    assert called | CALLED_BY_VARIABLE <= PROBES.keys()


def test_a_server_that_can_all_of_it_keeps_nothing_of_the_look(redis_url: str) -> None:
    redis = connect(redis_url)

    assert not find_faults(redis, "looked:fitness")
    assert not redis.keys("looked:*")
    redis.close()


@pytest.mark.real_redis
def test_each_missing_right_is_named(server: RedisServer) -> None:
    """Whatever right is missing, the look tells; and as it tells, so it is enough."""
    for command in PROBES:
        name = command.lower().replace(" ", "|")
        # Before Redis 7 a part of a command cannot be taken away.
        taken = name if has_at_least(server.url, 7) else name.partition("|")[0]
        redis = connect_as(server, "~smsq:*", "+@all", f"-{taken}")
        [fault] = find_faults(redis, "smsq:fitness")
        assert f"+{name}" in fault.split(), fault
        redis.close()


@pytest.mark.real_redis
def test_a_user_with_the_rights_that_are_named_and_no_others_can_keep_the_ledger(
    server: RedisServer,
) -> None:
    redis = connect_as(server)
    [fault, *_] = find_faults(redis, "smsq:fitness")
    rights = re.findall(r"\+\S+", fault)
    redis.close()
    redis = connect_as(server, "~smsq:*", *rights)
    assert not find_faults(redis, "smsq:fitness")
    redis.close()

    queue = smsq.SmsQueue(f"redis://sms:q@127.0.0.1:{server.port}/0")
    job = queue.send_quick("+375291234567", "code", alphaname_id="123")
    assert queue.status(job)
    queue.close()


@pytest.mark.real_redis
def test_keys_of_another_namespace_are_named(server: RedisServer) -> None:
    redis = connect_as(server, "~smsq:*", "+@all")

    assert not find_faults(redis, "smsq:fitness")
    [fault] = find_faults(redis, "shop:fitness")
    assert "~shop:*" in fault
    redis.close()


@pytest.mark.parametrize(
    ("version", "is_too_old"),
    [
        ("2.8.24", True),
        ("6.0.16", True),
        ("6.1.0", True),
        ("6.2.0", False),
        ("7.2.4", False),
        ("10.0.1", False),
        ("", False),
        ("unstable", False),
    ],
)
def test_a_version_before_6_2_is_too_old(version: str, is_too_old: bool) -> None:
    assert bool(find_age({"redis_version": version})) is is_too_old


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"SMISMEMBER": ResponseError("unknown command 'SMISMEMBER', with args")}, "6.2 or newer"),
        ({"EVALSHA": ResponseError("script tried accessing undeclared key")}, "undeclared keys"),
        ({"SET": MovedError("3999 127.0.0.1:6381")}, "without cluster"),
        ({"SET": AskError("3999 127.0.0.1:6381")}, "without cluster"),
        (
            {"EXISTS": ClusterCrossSlotError("Keys in request don't hash")},
            "SMSQ_NAMESPACE in braces",
        ),
        ({"EVALSHA": ResponseError("Script attempted to access a non local key")}, "undeclared"),
        ({"GET": NoPermissionError("no permissions to run the 'get' command")}, "+get"),
    ],
)
def test_what_another_server_answers_is_told(answers: dict[str, object], said: str) -> None:
    [fault] = read_answers(answers, "smsq:fitness")

    assert said in fault


@pytest.mark.parametrize(
    "answer", ["READONLY You can't", "OOM", "MISCONF no", "WRONGTYPE Operation", "syntax error"]
)
def test_what_passes_or_was_meant_to_fail_is_no_fault(answer: str) -> None:
    assert not list(read_answers({"HSET": ResponseError(answer)}, "smsq:fitness"))


@contextmanager
def node_of_cluster(folder: Path, slots: Iterable[object]) -> Iterator[RedisServer]:
    """A node that has these slots and no others; nobody else is in its cluster."""
    options = ("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
    with RedisServer(folder, *options) as node:
        redis = connect(node.url)
        redis.execute_command("CLUSTER", "ADDSLOTS", *slots)
        wait_until(lambda: redis.set("{shop}:up", 1, ex=1), "the node serves its slots")
        redis.close()
        yield node


@pytest.mark.real_redis
def test_a_tagged_namespace_lies_on_the_node_of_a_cluster_that_has_its_slot(tmp_path: Path) -> None:
    with node_of_cluster(tmp_path, [key_slot(b"{shop}")]) as node:
        redis = connect(node.url)
        assert not find_faults(redis, "{shop}:fitness")
        queue = smsq.SmsQueue(
            settings=Settings.from_env({"SMSQ_REDIS_URL": node.url, "SMSQ_NAMESPACE": "{shop}"})
        )
        job = queue.send_quick("+375291234567", "code", alphaname_id="123")
        assert queue.status(job).state is JobState.QUEUED
        assert redis.llen("{shop}:normal") == 1
        queue.close()
        other = smsq.SmsQueue(node.url)
        with pytest.raises(smsq.QueueUnavailableError, match="cluster") as caught:
            other.send_quick("+375291234567", "code", alphaname_id="123")
        assert not redis.keys("smsq:*")
        assert caught.value.reason
        other.close()
        redis.close()


@pytest.mark.real_redis
def test_a_cluster_scatters_a_namespace_without_braces_though_one_node_has_it_all(
    tmp_path: Path,
) -> None:
    with node_of_cluster(tmp_path, range(16384)) as node:
        redis = connect(node.url)
        [fault] = find_faults(redis, "smsq:fitness")
        assert "in braces" in fault
        assert not find_faults(redis, "{smsq}:fitness")
        redis.close()


@pytest.mark.real_redis
def test_a_cluster_has_one_database(tmp_path: Path) -> None:
    with node_of_cluster(tmp_path, range(16384)) as node:
        queue = smsq.SmsQueue(node.url.replace("/0", "/1"))
        with pytest.raises(
            smsq.QueueUnavailableError, match="no database of that number"
        ) as caught:
            queue.send_quick("+375291234567", "code", alphaname_id="123")
        assert not caught.value.may_be_stored
        queue.close()

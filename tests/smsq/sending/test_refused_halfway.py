"""A right that is missing, or a place that is elsewhere, is no fault of the job at hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from smsq import QueueUnavailableError, SmsQueue
from smsq.models import JobState
from smsq.settings import Settings
from smsq.store.fitness import PROBES
from smsq.store.keys import Keys
from smsq.store.refusals import REFUSALS
from smsq.store.scripts import find_files
from tests.smsq.world import World
from tests.support import RedisServer, has_at_least

COMMANDS = [name for name in PROBES if name not in {"EVALSHA", "SCRIPT LOAD"}]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path) as started:
        yield started


@pytest.fixture
def restricted(server: RedisServer, environ: dict[str, str]) -> Iterator[tuple[Redis, Settings]]:
    """An admin, and settings with a user `sms` whose rights a test takes away."""
    admin = Redis(port=server.port, decode_responses=True)
    url = f"redis://sms:q@127.0.0.1:{server.port}/0"
    admin.execute_command("ACL", "SETUSER", "sms", "on", ">q", "~*", "&*", "+@all")
    yield admin, Settings.from_env(environ | {"SMSQ_REDIS_URL": url, "SMSQ_BROKER_URL": url})
    admin.close()


@pytest.mark.real_redis
def test_no_job_is_set_aside_whichever_right_is_taken_away(
    restricted: tuple[Redis, Settings],
) -> None:
    admin, settings = restricted
    refused = set()
    for command in COMMANDS:
        admin.flushall()
        world = World(settings)
        job, other = world.enqueue(), world.enqueue()
        claim = world.claim(job)
        admin.execute_command("ACL", "SETUSER", "sms", f"-{command.lower()}")
        for step in (lambda w=world: w.take(), lambda w=world: w.recover()):
            try:
                step()
            except RedisError:
                refused.add(command)
        with suppress(RedisError):
            world.prepare(claim)
        admin.execute_command("ACL", "SETUSER", "sms", "+@all")
        for one in (job, other):
            kept = admin.hgetall(world.keys.job(one))
            assert kept["state"] in {"queued", "submitting"}, (command, kept)
            assert not kept.keys() & {"asides", "error_class"}, (command, kept)
        world.redis.close()

    assert len(refused) > 10


@pytest.mark.real_redis
def test_a_call_that_is_repeated_with_its_key_is_stored_once_whichever_right_was_missing(
    restricted: tuple[Redis, Settings],
) -> None:
    admin, settings = restricted
    queue, keys = SmsQueue(settings=settings), Keys(settings.namespace)
    halves = set()
    for command in COMMANDS:
        admin.flushall()
        admin.execute_command("ACL", "SETUSER", "sms", f"-{command.lower()}")
        with suppress(QueueUnavailableError):
            queue.send_quick("+375291234567", "code", key="login")
        if any("state" not in admin.hgetall(key) for key in admin.keys(keys.job("*"))):
            halves.add(command)
        admin.execute_command("ACL", "SETUSER", "sms", "+@all")

        job = queue.send_quick("+375291234567", "code", key="login")

        assert queue.status(job).state is JobState.QUEUED, command
        assert queue.send_quick("+375291234567", "code", key="login") == job, command
        assert admin.keys(keys.message("*", 1)) == [keys.message(job, 1)], command
        assert admin.zrange(keys.ready("normal"), 0, -1) == [job], command
    # Before Redis 7 a script cannot look at its rights first.
    assert bool(halves) is not has_at_least(settings.redis_url, 7)
    queue.close()


def test_the_scripts_know_each_refusal_that_a_command_in_them_can_meet() -> None:
    lua = find_files()["unprepared"].read_text()
    never = {"NOAUTH", "WRONGPASS", "NOSCRIPT", "EXECABORT", "UNBLOCKED", "UNKILLABLE", "BUSY"}
    never |= {"LOADING", "NOMASTERLINK"}

    assert {code for code in REFUSALS if f"{code} = true" in lua} == REFUSALS.keys() - never

"""Backup and restore by the commands of docs/operations.md, with jobs in every state."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.operate.controls import Controls
from smsq.pacing.slots import Closed
from smsq.settings import Settings
from tests.smsq.world import PLAN, World
from tests.support import RedisServer, wait_until

pytestmark = [pytest.mark.real_redis, pytest.mark.long]

USUAL = (
    "--appendonly",
    "yes",
    "--maxmemory-policy",
    "noeviction",
    "--repl-diskless-sync-delay",
    "0",
)
ENDS = {
    JobState.ACCEPTED: Verdict(state=JobState.ACCEPTED, message_id=77),
    JobState.REJECTED: Verdict(state=JobState.REJECTED, error="400"),
    JobState.UNKNOWN: Verdict(state=JobState.UNKNOWN, error="no answer"),
    JobState.DEAD: Verdict(state=JobState.DEAD, error="gave up: 500"),
    JobState.WAITING: Verdict(state=JobState.WAITING, error="500", delay_s=3600),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Redis' directory."""
    made = tmp_path / "redis"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def settings_on(server: RedisServer, settings: Settings) -> Settings:
    return replace(settings, redis_url=server.url, broker_url=server.url)


def fill(world: World) -> dict[str, JobState]:
    """Make a job in every state that a restore may find."""
    jobs = {}
    for state, verdict in ENDS.items():
        job = world.enqueue()
        world.claims.settle(world.claim(job), verdict, PLAN)
        jobs[job] = state
    submitting = world.enqueue()
    world.claim(submitting)
    cancelled = world.enqueue()
    world.ledger.cancel(cancelled)
    jobs |= {submitting: JobState.SUBMITTING, cancelled: JobState.CANCELLED}
    return jobs | {world.enqueue(): JobState.QUEUED}


def move_log_away(folder: Path) -> None:
    """As step 2 says: a folder, or before Redis 7 a file."""
    [log] = folder.glob("appendonly*")
    log.rename(folder.parent / log.name)


def count_keys(server: RedisServer) -> int:
    with Redis(port=server.port) as redis:
        return int(redis.dbsize())


def test_what_was_stored_is_there_paused_and_nothing_goes_out_before_an_operator_says_so(
    folder: Path, settings: Settings
) -> None:
    with RedisServer(folder, *USUAL) as server:
        world = World(settings_on(server, settings))
        jobs = fill(world)
        copy = folder.parent / "backup.rdb"
        subprocess.run(
            ["redis-cli", "-p", str(server.port), "--rdb", str(copy)],
            check=True,
            capture_output=True,
            timeout=30,
        )
        world.enqueue()  # after the copy

    # Step 2: both away, the copy in their place.
    move_log_away(folder)
    shutil.copy(copy, folder / "dump.rdb")
    # Step 3: once without the append-only file.
    with RedisServer(folder, "--appendonly", "no", "--maxmemory-policy", "noeviction") as server:
        controls = Controls.build(settings_on(server, settings))
        controls.pause()
        controls.close()
        with Redis(port=server.port, decode_responses=True) as redis:
            redis.config_set("appendonly", "yes")
            wait_until(
                lambda: (
                    redis.info("persistence")["aof_rewrite_in_progress"] == 0
                    and redis.info("persistence")["aof_rewrite_scheduled"] == 0
                ),
                "the log is written",
            )
        keys = count_keys(server)
    # Step 4: as usual.
    with RedisServer(folder, *USUAL) as server:
        assert count_keys(server) == keys
        world = World(settings_on(server, settings))
        assert Counter(map(world.state, jobs)) == Counter(jobs.values())
        assert isinstance(world.limiter.reserve(), Closed)
        world.limiter.resume()
        assert not isinstance(world.limiter.reserve(), Closed)

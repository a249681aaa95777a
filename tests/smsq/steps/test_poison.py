"""No poison at the head of the line; and what hits everybody holds everybody back.

Jobs that fail, each in its own way, stand anywhere in the line: all others go out, soon. And when
every request fails alike, the gate closes within three, and nothing is given up.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smsq.models import JobState, Kind
from smsq.names import PRIORITIES, Queue
from smsq.settings import Settings
from tests.conftest import HAS_REDIS
from tests.smsq.steps.outages import FAILURES, Drive, drive

pytestmark = pytest.mark.long

#: What the gateway does to one job alone, and what is wrong with a job before anybody is asked.
POISONS = [*FAILURES, "a schedule past every calendar", "no number of messages", "no name"]

#: Each poison may be asked for so often before all healthy jobs are out: its eight attempts, and
#: once before anything is known of it.
MOST_TRIES = 9

#: Seconds for each poison and each healthy job: closings of the gate by poison are short.
SECONDS_A_JOB = 15

classes = st.sampled_from([*PRIORITIES])
kinds = st.sampled_from([Kind.QUICK, Kind.BULK])
#: Each a job: how it fails, None for a healthy one.
lines = st.lists(
    st.tuples(classes, kinds, st.sampled_from(POISONS) | st.none() | st.none()),
    min_size=2,
    max_size=14,
)
FEW = hypothesis_settings(
    max_examples=30 if HAS_REDIS else 3,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def poison(made: Drive, job: str, how: str) -> None:
    keys, redis = made.world.keys, made.world.redis
    if how in FAILURES:
        made.spoil(job, how)
    elif how == "no name":
        redis.hdel(keys.message(job, 1), "name")
    elif how == "no number of messages":
        redis.hset(keys.job(job), "messages", "many")
    else:
        for key in (keys.job(job), keys.message(job, 1)):
            redis.hset(key, "starts_at_ms", "253402300799000")


@FEW
@given(line=lines)
def test_whatever_is_wrong_with_some_all_others_go_out_soon(
    settings: Settings, line: list[tuple[Queue, Kind, str | None]]
) -> None:
    with drive(settings) as made:
        healthy: list[str] = []
        poisoned: list[str] = []
        for queue, kind, how in line:
            job = made.enqueue(Queue(queue), kind)
            (poisoned if how else healthy).append(job)
            if how:
                poison(made, job, how)
        made.run(lambda: made.are_out(healthy), for_s=SECONDS_A_JOB * len(line))

        assert made.states(healthy)[JobState.ACCEPTED] == len(healthy)
        asked = [r for r in made.gateway.requests if not r.startswith("poll")]
        assert len(asked) <= len(healthy) + MOST_TRIES * len(poisoned)
        assert max(made.gateway.taken.values(), default=1) == 1


#: How everything fails that says nothing against any job, and how many may be unknown in an hour.
OUTAGES = {name: 0 for name in FAILURES if name not in {"400", "breaks", "429 for a while"}}
OUTAGES |= {"HTML": 30, "lost": 30}


@pytest.mark.parametrize("how", OUTAGES)
@pytest.mark.parametrize("kind", [Kind.QUICK, Kind.BULK])
def test_what_hits_everybody_closes_the_gate_and_gives_nobody_up(
    settings: Settings, how: str, kind: Kind
) -> None:
    # fakeredis takes thirty times as long; where messages become unknown, some have to be left.
    each = 25 if HAS_REDIS or OUTAGES[how] else 5
    with drive(settings) as made:
        jobs = [
            made.enqueue(queue, kind) for queue in (Queue.URGENT, Queue.BULK) for _ in range(each)
        ]
        made.gateway.all_fail = how
        made.run(lambda: bool(made.closed), for_s=5)
        assert len(made.gateway.requests) <= 3
        made.idle(for_s=3600)

        states = made.states(jobs)
        assert states[JobState.UNKNOWN] <= OUTAGES[how]
        assert set(states) <= {JobState.QUEUED, JobState.WAITING, JobState.UNKNOWN}
        assert len(made.gateway.requests) <= 150
        assert made.closed[-1]

        made.gateway.all_fail = None
        waiting = [job for job in jobs if made.world.state(job) is not JobState.UNKNOWN]
        made.run(lambda: made.are_out(waiting), for_s=400)
        assert made.states(waiting) == {JobState.ACCEPTED: len(waiting)}
        assert max(made.gateway.taken.values()) == 1

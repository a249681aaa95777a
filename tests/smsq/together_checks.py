"""What must hold in test_all_together at any moment, and in the end.

In:  a look at the ledger. Out: an AssertionError that names the job.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import cast

import pytest

from smsq.errors import NotFoundError
from smsq.models import FINAL_JOB_STATES, JobState, RecipientState
from smsq.status.status import end_recipient, end_unsent, read_recipient
from tests.smsq.together import ZONES, Look, counts_of, day
from tests.smsq.world import World

UNSENT = {JobState.REJECTED, JobState.DEAD, JobState.CANCELLED, JobState.EXPIRED}


def check_counts(now: Look) -> None:
    """All counts are sums of the recipients that are there."""
    assert counts_of(now.counts) == now.sum(now.live())
    for campaign, fields in now.campaigns.items():
        jobs = now.live(campaign)
        assert counts_of(fields) == now.sum(jobs), campaign
        assert int(fields["jobs"]) == len(jobs)
        unsent = Counter(
            now.state(job_id)
            for job_id in jobs
            for _, _, packed in now.rows(job_id)
            if now.state(job_id) in UNSENT and packed[:1] in {"", "p"}
        )
        assert unsent == Counter(
            {s: int(fields[f"unsent:{s}"]) for s in UNSENT if int(fields.get(f"unsent:{s}", 0))}
        )
        canary = [job_id for job_id in jobs if "is_canary" in now.jobs[job_id]]
        if fields.get("canary") == "waiting" and "launched" not in fields:
            left = [job_id for job_id in canary if now.state(job_id) not in FINAL_JOB_STATES]
            assert int(fields["canary_left"]) == len(left) > 0


def check_messages(now: Look) -> None:
    """Each message counts its recipients."""
    for (job_id, n), message in now.messages.items():
        packed = now.recipients[job_id, n]
        if now.is_committed(now.jobs[job_id]):
            found = Counter(
                f"recipient:{read_recipient('', value).state}" for value in packed.values()
            )
            assert counts_of({f"recipient:{name}": v for name, v in message.items()}) == found


def check_statuses(world: World, now: Look, own_ids: Collection[str]) -> None:
    """What a caller is told is what is there."""
    for job_id in now.live():
        status = world.views.status(job_id)
        rows = [read_recipient(phone, packed) for _, phone, packed in now.rows(job_id)]
        # Who was never sent to has ended with the job; rows do not say so.
        states = Counter(end_recipient(row, now.state(job_id)).state for row in rows)
        assert (status.state, status.counts) == (now.state(job_id), dict(states))
    for campaign, fields in now.campaigns.items():
        said = world.views.status(campaign)
        counted = {s: int(fields.get(f"recipient:{s}", 0)) for s in RecipientState}
        assert said.counts == end_unsent(counted, sum(said.unsent.values()))
    in_jobs: Counter[str] = Counter()
    for own_id in own_ids:
        job_id = own_id.partition(".")[0]
        if job_id not in now.jobs:
            with pytest.raises(NotFoundError):
                world.views.status(own_id)
            continue
        send = world.views.status(own_id)
        in_jobs[job_id] += sum(send.counts.values())
        if not send.counts:
            assert send.state in {JobState.CANCELLED, JobState.EXPIRED}
    for job_id, size in in_jobs.items():
        assert size == int(now.jobs[job_id]["size"]) == len(list(now.rows(job_id)))


def check_next_steps(now: Look) -> None:
    """Every job stands where somebody finds it, and nowhere else."""
    for job_id, job in now.jobs.items():
        if "state" not in job:
            place = "launching" if now.is_committed(job) else "drafts"
            assert any(member.startswith(job["campaign"]) for member in now.sets[place])
            continue
        state, due_ms = now.state(job_id), now.sets["due"].get(job_id)
        ready = [name for name in now.sets if name.startswith("ready") and job_id in now.sets[name]]
        assert ready == ([f"ready:{job['priority']}"] if state is JobState.QUEUED else []), job_id
        for listed in ("unknown", "dead"):
            assert (job_id in now.sets[f"listed:{listed}"]) == (state == listed)
        assert (job_id in now.sets["gathering"]) == ("is_open" in job)
        assert state is JobState.WAITING or not {"is_open", "is_held", "is_parked"} & job.keys()
        if job_id in now.sets["held"]:
            assert "is_held" in job
        if state is JobState.UNKNOWN or state is JobState.QUEUED:
            continue
        assert due_ms is not None, job_id
        if "is_parked" in job:
            campaign = now.campaigns[job["campaign"]]
            is_held = "brake" in campaign or campaign.get("canary") == "waiting"
            assert is_held or "aligned" in campaign
            assert "aligned" not in campaign or job["campaign"] in now.sets["aligning"]
        else:
            assert due_ms < math.inf, job_id
        if state is JobState.ACCEPTED:
            check_polled(now, job_id)


def check_polled(now: Look, job_id: str) -> None:
    """Each message that can be asked for is."""
    for n in range(1, int(now.jobs[job_id]["messages"]) + 1):
        message = now.messages[job_id, n]
        left = int(message.get("pending", 0)) + int(message.get("sent", 0))
        ref = f"{job_id}:{n}"
        is_asked = ref in now.sets["polls"] or ref in now.sets["ready:poll"]
        assert is_asked or not left or "message_id" not in message


def check_cap(world: World, counted: Mapping[tuple[str, str], str]) -> None:
    """Today's counters have what was sent or is to be sent, and no more."""
    prefix = f"{world.keys.namespace}:cap:"
    found: Counter[str] = Counter()
    for key in world.redis.scan_iter(f"{prefix}*", 5000):
        for phone, times in cast("dict[str, str]", world.redis.hgetall(key)).items():
            if str(key).removeprefix(prefix).partition(":")[0] == day(world, phone):
                found[phone] += int(times)
    expected = Counter(phone for (_, phone), on in counted.items() if on == day(world, phone))
    assert +found == expected


def check_doubt(
    world: World,
    now: Look,
    out: Collection[tuple[str, str]],
    proven: set[str],
    own_ids: Mapping[str, str],
) -> None:
    """Nothing is called unsent that is out for all that the ledger knows.

    Args:
        world: The ledger.
        now: All that it holds.
        out: Job and text of all that the gateway took, or may have taken.
        proven: Jobs of which the ledger knows that the gateway has them.
        own_ids: Text of a gathered send -> its own id.
    """
    for job_id in proven & now.jobs.keys():
        is_known = {JobState.ACCEPTED, JobState.DONE, JobState.SUBMITTING}
        assert now.state(job_id) in is_known, job_id
    for job_id, text in out:
        if job_id not in now.jobs:
            continue
        assert now.state(job_id) not in UNSENT, job_id
        assert now.state(job_id) is not JobState.DONE or job_id in proven, job_id
        if own_id := own_ids.get(text):
            assert world.views.status(own_id).state not in UNSENT, own_id


def check_no_leak(world: World, texts: Sequence[str]) -> None:
    """Events and timelines name nobody, and quote nothing."""
    redis, space = world.redis, world.keys.namespace
    said = [str(entry) for entry in redis.xrange(world.keys.events) or ()]
    for key in redis.scan_iter(f"{space}:timeline:*", 5000):
        said += map(str, redis.lrange(key, 0, -1))
    for one in said:
        assert not any(secret in one for secret in (*ZONES, *texts)), one


def check_nothing_is_left(world: World) -> None:
    """But for what is bounded: counts that are 0, settings, and what goes by itself."""
    redis, space = world.redis, world.keys.namespace
    stays = {"counts", "optouts", "optout", "words", "limiter", "held_by"}
    stays |= {"minutes", "minute", "totals", "audit", "audit_head"}
    for key in redis.scan_iter(f"{space}:*", 5000):
        name = str(key).removeprefix(f"{space}:")
        assert name.partition(":")[0] in stays or redis.pttl(key) > 0, name
    assert not counts_of({str(k): str(v) for k, v in redis.hgetall(world.keys.counts).items()})

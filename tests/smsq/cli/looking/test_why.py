"""`smsq why`: what happened to one job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smsq.domain.outcomes import Verdict
from smsq.models import JobState, ReportRow
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import ACCEPTED, PLAN, World

Json = Callable[..., Any]
BUSY = Verdict(state=JobState.QUEUED, error="429: slow down", is_counted=False)


def send(world: World) -> str:
    """A job that waited 40 s, met a 429, and was accepted at the second try."""
    job = world.enqueue()
    world.pass_s(40)
    world.claims.settle(world.claim(job), BUSY, PLAN)
    world.pass_s(2.5)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    return job


def poll(world: World, word: str) -> None:
    row = ReportRow("375291234567", word, None)
    world.polls.apply_page(world.claim_poll(), [row], next_offset=0, next_in_s=5)
    world.pass_s(5)


def test_the_story_has_waits_polls_and_an_end(world: World, smsq: Smsq, smsq_json: Json) -> None:
    job = send(world)
    world.pass_s(5)
    poll(world, "NEW")
    last = smsq("why", job).stdout.splitlines()[-1].strip()
    assert last == "so far       polled 1 time, 1 pending; next poll 2023-11-15 01:14:12.500+03:00"
    poll(world, "sent")
    poll(world, "delivered")

    told = smsq("why", job).stdout.splitlines()
    assert [" ".join(line.split()[2:]) for line in told] == [
        "queued",
        "submitting attempt 1, waited 40 s for the limit",
        "queued 429: slow down",
        "submitting attempt 1, waited 2.5 s for the limit",
        "accepted",
        "done polled 3 times, 1 delivered",
    ]
    document = smsq_json("why", job)
    assert [row["waited_s"] for row in document["timeline"]] == [None, 40, None, 2.5, None, None]
    assert (document["polls"], document["counts"]) == (3, {"delivered": 1})
    assert document["next_poll_at"] is None


def test_times_are_in_the_readers_zone_unless_asked_otherwise(world: World, smsq: Smsq) -> None:
    job = send(world)

    assert smsq("why", job).stdout.startswith("2023-11-15 01:13:20.000+03:00  queued")
    assert smsq("why", job, "--utc").stdout.startswith("2023-11-14 22:13:20.000+00:00  queued")
    elsewhere = smsq("why", job, SMSQ_TIMEZONE="Asia/Kolkata").stdout
    assert elsewhere.startswith("2023-11-15 03:43:20.000+05:30  queued")

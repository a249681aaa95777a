"""Times that people read: each names its zone, and is the same on every machine."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click
import pytest

from smsq.cli.params import to_moment, to_start
from smsq.cli.times import in_zone, say_time
from smsq.domain.outcomes import Verdict
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, Webhooks
from smsq.models import JobState
from smsq.names import Start
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import ACCEPTED, PLAN, World

ZONES = ("Europe/Minsk", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC")

#: A time without an offset after it.
NAMELESS = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?(?![\d:.]|[+-]\d\d:\d\d)")


@pytest.fixture(params=ZONES)
def machine_zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """Has the machine in a zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


def test_a_time_is_in_the_zone_of_the_settings_wherever_the_machine_is(machine_zone: str) -> None:
    at = datetime(2026, 11, 26, 7, 0, 0, 250_000, tzinfo=UTC)
    minsk = ZoneInfo("Europe/Minsk")

    assert say_time(at, minsk) == "2026-11-26 10:00:00+03:00", machine_zone
    assert say_time(at.astimezone(ZoneInfo(machine_zone)), minsk) == "2026-11-26 10:00:00+03:00"
    assert say_time(at, minsk, "minutes") == "2026-11-26 10:00+03:00"
    assert say_time(at, minsk, "milliseconds") == "2026-11-26 10:00:00.250+03:00"


def test_the_hour_that_comes_twice_in_autumn_is_told_apart() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert say_time(first, berlin) == "2026-10-25 02:30:00+02:00"
    assert say_time(first + timedelta(hours=1), berlin) == "2026-10-25 02:30:00+01:00"


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_said_can_be_written_back_at_every_half_hour_of_two_changes(zone: str) -> None:
    """In spring and in autumn, as an option of a command reads it."""
    context, option = click.Context(click.Command("x")), click.Option(["--since"])
    for start in (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)):
        for half_hours in range(48 * 40):
            at = start + timedelta(minutes=30 * half_hours)
            said = say_time(at, ZoneInfo(zone))
            for read in (to_moment, to_start):
                moment = read(context, option, said)
                assert moment
                assert in_zone(moment, UTC) == at


def test_every_command_names_the_zone_of_its_times(
    world: World, smsq: Smsq, machine_zone: str
) -> None:
    hooks = Webhooks(world.scripts, start=Start.OLDEST)
    ids = []
    for verdict in (
        Verdict(state=JobState.UNKNOWN, error="no answer"),
        Verdict(state=JobState.DEAD, error="gave up"),
        Verdict(state=JobState.ACCEPTED),
        ACCEPTED,
    ):
        ids.append(world.enqueue())
        world.claims.settle(world.claim(ids[-1]), verdict, PLAN)
    campaign = world.start_campaign(1).id
    hooks.collect()
    delivery = hooks.claim(lease_s=30)
    assert delivery
    world.pass_s(GIVE_UP_MS / 1000 + 1)
    hooks.settle(delivery, Posted(Answer.FAILED, "status 500"))

    commands = (
        *(("why", each) for each in (*ids, campaign)),
        *(("status", each, "--recipients") for each in (*ids, campaign)),
        ("campaigns",),
        ("unknown", "list"),
        ("dead", "list"),
        ("unmatched",),
        ("webhook", "list"),
        ("stats",),
    )
    for command in commands:
        said = smsq(*command).stdout
        assert not NAMELESS.search(said), (machine_zone, command, said)
        if command[0] in {"why", "campaigns", "unknown", "dead", "unmatched", "webhook"}:
            assert "+03:00" in said, command

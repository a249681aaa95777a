"""The rules of sending, at the moment of sending: quiet hours and the cap on a clock that moves."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from smsq.domain.outcomes import Verdict
from smsq.domain.quiet import QuietHours
from smsq.models import JobState, Kind, RecipientState, Settlement
from smsq.names import Queue
from smsq.operate.stuck_jobs import StuckJobs
from smsq.records.jobs import Claim, PollClaim
from smsq.rules.rules import RuleBook
from smsq.settings import Settings
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World

BY, BY_2, PL, KZ, US = ("375291234567", "375291234568", "48501234567", "77011234567", "12125551234")
SPREAD_S = 1800
REFUSED = Verdict(state=JobState.REJECTED, error="no", error_class="refused")
LATER = Verdict(state=JobState.WAITING, delay_s=1, error="503", error_class="temporary")


def set_rules(world: World, *, quiet: str = "", cap: int = 0) -> None:
    start, _, end = quiet.partition("-")
    hours = QuietHours(time.fromisoformat(start), time.fromisoformat(end)) if quiet else None
    world.rule_book = RuleBook(world.scripts, quiet=hours, cap_per_day=cap, home="Europe/Minsk")


def put(world: World, *phones: str, **fields: str) -> str:
    return world.enqueue(kind=Kind.BULK, priority=Queue.BULK, phones=phones or [BY], **fields)


def send(world: World, *phones: str) -> list[str]:
    """Send a campaign that is accepted; returns the phones that were not withheld."""
    job = put(world, *phones)
    if isinstance(claim := world.take(), Claim):
        world.claims.settle(claim, ACCEPTED, PLAN)
    return [r.phone for r in world.views.recipients(job) if r.state is not RecipientState.WITHHELD]


def wait_s(world: World, job: str) -> float:
    """Seconds until a job is due."""
    due_ms = world.redis.zscore(world.keys.due, job)
    assert isinstance(due_ms, float)
    return due_ms / 1000 - world.now_us / 1e6


@pytest.mark.parametrize(
    ("quiet", "phone", "now", "zone", "awake"),
    [
        ("21:00-09:00", BY, "2026-11-24T21:00", "Europe/Minsk", "2026-11-25T09:00"),
        ("21:00-09:00", BY, "2026-11-24T23:59", "Europe/Minsk", "2026-11-25T09:00"),
        ("21:00-09:00", BY, "2026-11-25T08:59", "Europe/Minsk", "2026-11-25T09:00"),
        ("21:00-09:00", BY, "2026-12-31T22:00", "Europe/Minsk", "2027-01-01T09:00"),
        # It is 21:00 in Warsaw, and in Minsk two hours later already.
        ("21:00-09:00", PL, "2026-11-24T21:00", "Europe/Warsaw", "2026-11-25T09:00"),
        # The night in which clocks go forward, and the one in which they go back.
        ("21:00-09:00", PL, "2026-03-28T23:00", "Europe/Warsaw", "2026-03-29T09:00"),
        ("21:00-09:00", PL, "2026-10-24T23:00", "Europe/Warsaw", "2026-10-25T09:00"),
        ("12:00-13:00", BY, "2026-11-24T12:30", "Europe/Minsk", "2026-11-24T13:00"),
        # New York's evening is quiet; Honolulu's morning at 8:00 would be, too.
        ("21:00-09:00", US, "2026-11-24T21:30", "America/New_York", "2026-11-25T14:00"),
    ],
)
def test_a_campaign_waits_for_the_end_of_the_recipients_night(
    world: World, quiet: str, phone: str, now: str, zone: str, awake: str
) -> None:
    set_rules(world, quiet=quiet)
    world.go_to(now, zone)
    job = put(world, phone)

    assert world.take() is None
    assert world.state(job) is JobState.WAITING
    moment = datetime.fromisoformat(awake).replace(tzinfo=ZoneInfo(zone))
    at_s = moment.timestamp() - world.now_us / 1e6
    assert at_s <= wait_s(world, job) <= at_s + SPREAD_S
    world.pass_s(wait_s(world, job) + 1)
    assert world.recover() == [job]
    world.claim(job)


@pytest.mark.parametrize(
    ("now", "zone", "phone"),
    [
        ("2026-11-24T20:59", "Europe/Minsk", BY),
        ("2026-11-25T09:00", "Europe/Minsk", BY),
        ("2026-10-25T09:00", "Europe/Warsaw", PL),
        # 9:00 in Astana is 7:00 in Minsk.
        ("2026-11-25T09:30", "Asia/Almaty", KZ),
        ("2026-11-24T20:59", "Europe/Minsk", "88213123456"),
    ],
)
def test_by_day_a_campaign_goes_at_once(world: World, now: str, zone: str, phone: str) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to(now, zone)
    world.claim(put(world, phone))


def test_at_night_quick_jobs_go_past_a_campaign_that_waits(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T23:00")
    campaign = [put(world) for _ in range(70)]
    world.pass_s(1)
    quick = world.enqueue(priority=Queue.BULK)

    world.claim(quick)
    assert {world.state(job) for job in campaign} == {JobState.WAITING}
    assert world.views.stats(1).slots == {"urgent": 0, "normal": 0, "bulk": 1, "poll": 0}


def test_in_the_morning_campaigns_go_on_one_by_one(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T23:00")
    jobs = [put(world) for _ in range(40)]
    world.take()

    waits_s = sorted(wait_s(world, job) for job in jobs)
    assert waits_s[0] >= 10 * 3600
    assert waits_s[-1] < 10 * 3600 + SPREAD_S
    assert len({round(one / 60) for one in waits_s}) > 10


def test_a_job_for_two_countries_waits_until_both_are_awake(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    # 9:30 in Minsk, 7:30 in Warsaw.
    world.go_to("2026-11-25T09:30")
    job = put(world, BY, BY_2, PL)

    assert world.take() is None
    assert 5400 <= wait_s(world, job) <= 5400 + SPREAD_S


def test_where_two_countries_are_never_awake_together_most_recipients_decide(world: World) -> None:
    set_rules(world, quiet="18:00-15:00")
    world.go_to("2026-11-25T16:00")
    world.claim(put(world, BY, BY_2, US))
    job = put(world, BY, US, "12125551235")

    assert world.take() is None
    # 15:00 to 18:00 in New York, within those of all its zones.
    moment = datetime.fromtimestamp(world.now_us / 1e6 + wait_s(world, job), UTC)
    assert 15 <= moment.astimezone(ZoneInfo("America/New_York")).hour < 18


def test_a_short_time_awake_together_is_not_missed_by_the_spread(world: World) -> None:
    thai, nepali = "66812345678", "9779841234567"
    set_rules(world, quiet="23:00-21:00")
    # From 21:00 in Kathmandu to 23:00 in Bangkok: three quarters of an hour.
    world.go_to("2026-11-24T20:45", "Asia/Kathmandu")
    jobs = [put(world, thai, nepali) for _ in range(20)]
    world.take()

    waits_s = [wait_s(world, job) for job in jobs]
    assert min(waits_s) >= 900
    assert max(waits_s) < 900 + 45 * 60 / 2


def test_hours_that_change_while_jobs_wait_hold_for_them(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T22:00")
    job = put(world)
    assert world.take() is None
    set_rules(world, quiet="23:00-09:00")

    assert world.recover() == [job]
    world.claim(job)


def test_hours_that_are_abolished_let_jobs_go(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T22:00")
    job = put(world)
    assert world.take() is None
    assert world.recover() == []
    set_rules(world)

    assert world.recover() == [job]
    world.claim(job)
    assert not world.redis.exists(f"{world.keys.namespace}:held_by")


def test_a_job_that_waits_for_the_morning_can_be_cancelled(world: World) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T22:00")
    job = put(world)
    world.take()

    assert world.ledger.cancel(job) is JobState.CANCELLED
    assert world.redis.zcard(f"{world.keys.namespace}:held") == 0


@pytest.mark.parametrize(
    ("scheduled", "waits_until"),
    [("2026-11-24T23:00", "2026-11-25T09:00"), ("2026-11-25T10:00", None)],
)
def test_what_the_gateway_would_send_at_night_is_sent_by_us_in_the_morning(
    world: World, scheduled: str, waits_until: str | None
) -> None:
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T12:00")
    moment = datetime.fromisoformat(scheduled).replace(tzinfo=ZoneInfo("Europe/Minsk"))
    job = put(world, starts_at_ms=str(round(moment.timestamp() * 1000)), schedule_time=scheduled)
    claim = world.take()

    if waits_until is None:
        assert isinstance(claim, Claim)
        assert claim.messages[0].schedule_time == scheduled
        return
    assert claim is None
    assert 21 * 3600 <= wait_s(world, job) <= 21 * 3600 + SPREAD_S
    world.pass_s(wait_s(world, job) + 1)
    world.recover()
    assert world.claim(job).messages[0].schedule_time is None


def test_no_more_than_so_many_campaigns_reach_a_phone_in_a_day(world: World) -> None:
    set_rules(world, cap=2)
    world.go_to("2026-11-24T10:00")

    assert [send(world, BY) for _ in range(3)] == [[BY], [BY], []]
    assert send(world, BY, BY_2) == [BY_2]
    assert world.views.stats(1).recipients[RecipientState.WITHHELD] == 2


@pytest.mark.parametrize(
    ("phone", "first", "second", "zone", "goes"),
    [
        (BY, "2026-11-24T00:00", "2026-11-24T23:59", "Europe/Minsk", False),
        (BY, "2026-11-24T23:59", "2026-11-25T00:00", "Europe/Minsk", True),
        # Midnight is Warsaw's, not ours.
        (PL, "2026-11-24T22:30", "2026-11-24T23:30", "Europe/Warsaw", False),
        (PL, "2026-11-24T23:30", "2026-11-25T00:30", "Europe/Warsaw", True),
        # The days that have 23 and 25 hours.
        (PL, "2026-03-29T00:00", "2026-03-29T23:59", "Europe/Warsaw", False),
        (PL, "2026-10-25T00:00", "2026-10-25T23:59", "Europe/Warsaw", False),
        (PL, "2026-10-25T23:59", "2026-10-26T00:00", "Europe/Warsaw", True),
    ],
)
def test_a_day_is_the_recipients(
    world: World, phone: str, first: str, second: str, zone: str, goes: bool
) -> None:
    set_rules(world, cap=1)
    world.go_to(first, zone)
    assert send(world, phone) == [phone]
    world.go_to(second, zone)

    assert bool(send(world, phone)) is goes


def test_each_recipient_of_a_job_has_the_day_of_its_own_country(world: World) -> None:
    set_rules(world, cap=1)
    # 23:30 in Warsaw; in Minsk it is tomorrow already.
    world.go_to("2026-11-24T23:30", "Europe/Warsaw")
    assert send(world, BY, BY_2, PL) == [BY, BY_2, PL]
    world.pass_s(3600)

    assert send(world, BY, BY_2, PL) == [PL]


def test_quick_jobs_neither_count_nor_are_held_back_by_the_cap(world: World) -> None:
    set_rules(world, cap=1)
    assert send(world, BY) == [BY]
    quick = world.enqueue(phones=[BY])

    world.claim(quick)


@pytest.mark.parametrize(
    ("verdict", "goes"),
    [(REFUSED, True), (ACCEPTED, False), (UNKNOWN, False)],
)
def test_what_was_not_accepted_for_certain_does_not_count(
    world: World, verdict: Verdict, goes: bool
) -> None:
    set_rules(world, cap=1)
    world.claims.settle(world.claim(put(world, BY, PL)), verdict, PLAN)

    assert send(world, BY, PL) == ([BY, PL] if goes else [])


def test_a_job_that_is_cancelled_between_two_attempts_does_not_count(world: World) -> None:
    set_rules(world, cap=1)
    job = put(world)
    world.claims.settle(world.claim(job), LATER, PLAN)
    assert send(world, BY) == []
    world.ledger.cancel(job)

    assert send(world, BY) == [BY]


@pytest.mark.parametrize(
    "verdict",
    [LATER, Verdict(state=JobState.WAITING, delay_s=1, error="lost", error_class="unknown")],
)
def test_a_retry_is_not_held_back_by_its_own_count(world: World, verdict: Verdict) -> None:
    set_rules(world, cap=1)
    job = put(world)
    for _ in range(3):
        world.claims.settle(world.claim(job), verdict, PLAN)
        world.pass_s(2)
        assert world.recover() == [job]
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)

    assert send(world, BY) == []


@pytest.mark.parametrize("end", ["cancelled", "rejected", "dead"])
def test_what_is_proven_after_it_ended_unsent_counts_after_all(world: World, end: str) -> None:
    """The gateway said no, and had taken it."""
    set_rules(world, cap=1)
    job = put(world, BY, PL)
    claim = world.claim(job)
    if end == "cancelled":
        world.claims.settle(claim, LATER, PLAN)
        world.ledger.cancel(job)
    else:
        world.claims.settle(claim, Verdict(state=JobState(end), error="no"), PLAN)
    for _ in range(2):
        world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    assert world.state(job) is JobState.ACCEPTED
    assert send(world, BY, PL) == []
    kept = list(world.redis.scan_iter(f"{world.keys.namespace}:cap:*"))
    assert all(world.redis.pttl(key) > 0 for key in kept)
    assert {count for key in kept for count in world.redis.hvals(key)} == {"1"}


def test_what_is_proven_on_another_day_counts_on_its_own(world: World) -> None:
    set_rules(world, cap=1)
    world.go_to("2026-11-24T12:00")
    job = put(world)
    world.claims.settle(world.claim(job), REFUSED, PLAN)
    world.go_to("2026-11-25T12:00")
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)

    assert send(world, BY) == [BY]


def test_a_job_that_is_retried_and_accepted_counts_once(world: World, settings: Settings) -> None:
    set_rules(world, cap=2)
    job = put(world)
    world.claims.settle(world.claim(job), Verdict(state=JobState.DEAD, error="503"), PLAN)
    StuckJobs(settings, world.redis, by="me@here").retry(job)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)

    assert send(world, BY) == [BY]
    assert send(world, BY) == []


def test_what_may_be_out_counts_even_when_the_last_attempt_is_refused(world: World) -> None:
    set_rules(world, cap=1)
    job = put(world)
    lost = Verdict(state=JobState.WAITING, delay_s=1, error="lost", error_class="unknown")
    world.claims.settle(world.claim(job), lost, PLAN)
    world.pass_s(2)
    world.recover()
    world.claims.settle(world.claim(job), REFUSED, PLAN)

    assert send(world, BY) == []


def test_a_retry_on_the_next_day_counts_on_that_day(world: World) -> None:
    set_rules(world, cap=1)
    world.go_to("2026-11-24T23:59")
    job = put(world)
    world.claims.settle(world.claim(job), LATER, PLAN)
    world.go_to("2026-11-25T00:10")
    world.recover()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)

    assert send(world, BY) == []


def test_counters_of_a_day_go_away_by_themselves(world: World) -> None:
    set_rules(world, quiet="21:00-09:00", cap=1)
    world.go_to("2026-11-24T11:00")
    send(world, BY, PL)
    kept = [
        key
        for pattern in ("cap:*", "calendar:*")
        for key in world.redis.scan_iter(f"{world.keys.namespace}:{pattern}")
    ]

    assert len(kept) >= 3
    assert all(world.redis.ttl(key) > 0 for key in kept)
    assert list(world.redis.scan_iter(f"{world.keys.namespace}:regions:*")) == []


def test_what_an_operator_settles_as_failed_does_not_count(
    world: World, settings: Settings
) -> None:
    set_rules(world, cap=1)
    job = put(world, BY, PL)
    lost = Verdict(state=JobState.UNKNOWN, error="lost", error_class="unknown")
    world.claims.settle(world.claim(job), lost, PLAN)
    assert send(world, BY) == []
    StuckJobs(settings, world.redis, by="me@here").settle(job, Settlement.FAILED)

    assert send(world, BY, PL) == [BY, PL]


def test_a_dead_job_that_is_retried_obeys_the_rules_again(world: World, settings: Settings) -> None:
    set_rules(world, cap=1)
    job = put(world, BY, PL)
    dead = Verdict(state=JobState.DEAD, error="503", error_class="temporary")
    world.claims.settle(world.claim(job), dead, PLAN)
    assert not {"regions", "counted"} & set(world.redis.hgetall(world.keys.job(job)))
    assert send(world, BY) == [BY]
    StuckJobs(settings, world.redis, by="me@here").retry(job)

    assert list(world.claim(job).messages[0].recipients) == [PL]


def test_jobs_that_are_held_back_do_not_bring_polls_forward(world: World) -> None:
    accepted = world.enqueue()
    world.claims.settle(world.claim(accepted), ACCEPTED, PLAN)
    set_rules(world, quiet="21:00-09:00")
    world.go_to("2026-11-24T23:00")
    jobs = [put(world) for _ in range(60)]
    world.polls.find_due(limit=10)

    assert isinstance(world.take(), PollClaim)
    # Sends come first, and those that came to nothing leave no debt to polls.
    assert {world.state(job) for job in jobs} == {JobState.WAITING}
    assert float(world.redis.hget(world.keys.limiter, "poll_owed") or 0) <= 0.25


@pytest.mark.parametrize("days_ahead", [1, 40, 900])
def test_a_days_counts_are_kept_until_that_day_is_over(world: World, days_ahead: int) -> None:
    set_rules(world, cap=1)
    world.go_to("2026-11-24T11:00")
    day = date(2026, 11, 24) + timedelta(days=days_ahead)
    moment = datetime.combine(day, time(12), ZoneInfo("Europe/Minsk"))
    put(
        world,
        schedule_time=f"{moment:%Y-%m-%dT%H:%M:%S}",
        starts_at_ms=str(round(moment.timestamp() * 1000)),
    )
    assert isinstance(world.take(), Claim)

    [counts] = world.redis.scan_iter(f"{world.keys.namespace}:cap:{day:%Y%m%d}:*")
    left_s = world.redis.ttl(counts)
    assert timedelta(days=days_ahead, hours=13) < timedelta(seconds=left_s)
    assert timedelta(seconds=left_s) < timedelta(days=days_ahead + 2)

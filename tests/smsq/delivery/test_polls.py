"""The polling side of the ledger: the gateway's odd words and times, receipts, offsets."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smsq.delivery.polls import MAX_RECEIPTS, Polls
from smsq.models import Kind, RecipientState, ReportRow
from smsq.status.status import RecipientStatus
from tests.smsq.world import ACCEPTED, PLAN, World

PHONE = "375291234567"


def report(world: World, word: str, d_sent: str | None, *, zone: str = "UTC") -> RecipientStatus:
    """Accept a job, report one row about it, and read what was kept."""
    job = world.enqueue(phones=2)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    claim = world.claim_poll()
    assert claim.ref == f"{job}:1"
    polls = Polls(world.scripts, timezone=zone)
    left = polls.apply_page(claim, [ReportRow(PHONE, word, d_sent)], next_offset=0, next_in_s=1e6)
    assert left
    return next(r for r in world.views.recipients(job) if r.phone == PHONE)


@pytest.mark.parametrize(
    ("d_sent", "zone", "utc"),
    [
        ("2021-03-22 11:32:32", "Europe/Minsk", "2021-03-22T08:32:32+00:00"),
        ("2021-03-22 11:32:32", "UTC", "2021-03-22T11:32:32+00:00"),
        ("2026-07-01 12:00:00", "Europe/Berlin", "2026-07-01T10:00:00+00:00"),
        ("2026-12-01 12:00:00", "Europe/Berlin", "2026-12-01T11:00:00+00:00"),
        # 02:30 comes twice that night; nobody can say which one was meant.
        ("2026-10-25 02:30:00", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
        ("2026-03-29 02:30:00", "Europe/Berlin", "2026-03-29T01:30:00+00:00"),
    ],
)
def test_the_gateways_local_time_is_read_in_its_zone(
    world: World, d_sent: str, zone: str, utc: str
) -> None:
    sent_at = report(world, "delivered", d_sent, zone=zone).sent_at

    assert sent_at is not None
    assert sent_at.isoformat() == utc


@pytest.mark.parametrize(
    "d_sent",
    [
        None,
        "",
        "never",
        "0000-00-00 00:00:00",
        "0001-01-01 00:00:00",
        "1970-01-01 00:00:00",
        "2021-02-30 11:32:32",
        "2021-03-22",
        "2021-03-22T11:32:32Z",
        "22.03.2021 11:32",
        "9999-99-99 99:99:99",
        "1616412752",
        "2021-03-22 11:32:32|d",
    ],
)
def test_a_time_that_cannot_be_read_is_no_time_and_costs_no_report(
    world: World, d_sent: str | None
) -> None:
    recipient = report(world, "delivered", d_sent)

    assert recipient.state is RecipientState.DELIVERED
    assert recipient.sent_at is None


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_the_calendars_ends_can_be_read_back(world: World, zone: str) -> None:
    for d_sent in ("9999-12-31 23:59:59", "0001-01-01 00:00:00", "1970-01-01 03:00:00"):
        sent_at = report(world, "sent", d_sent, zone=zone).sent_at
        assert sent_at is None or sent_at.year >= 1970


fixture_per_function = hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@fixture_per_function
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - the gateway's own
    st.sampled_from(["Europe/Minsk", "Europe/Berlin", "Asia/Kolkata", "UTC"]),
)
def test_a_time_written_by_the_contract_is_read_to_the_second(
    world: World, local: datetime, zone: str
) -> None:
    sent_at = report(world, "sent", local.strftime("%Y-%m-%d %H:%M:%S"), zone=zone).sent_at

    expected = local.replace(microsecond=0, fold=0, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert sent_at == expected


@fixture_per_function
@given(
    st.text(max_size=60) | st.sampled_from(["\ud800", "|", "d|1|delivered", "я" * 500]),
    st.text(max_size=30),
)
def test_any_word_and_any_time_are_kept_without_harm(world: World, word: str, d_sent: str) -> None:
    recipient = report(world, word, d_sent)

    assert recipient.state in RecipientState
    kept = word[:40].encode(errors="replace").decode()
    assert recipient.gateway_status == (kept or None)


def test_half_a_character_in_a_word_does_not_stop_the_page(world: World) -> None:
    recipient = report(world, "deliv\ud83dered", None)

    assert recipient.state is RecipientState.PENDING
    assert recipient.gateway_status == "deliv?ered"


def test_a_poll_goes_on_where_it_was(world: World) -> None:
    job = world.enqueue(phones=2)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    first = world.claim_poll()
    assert (first.ref, first.message_id) == (f"{job}:1", 77)
    assert (first.offset, first.age_s) == (0, 5.0)
    row = ReportRow(PHONE, "delivered", None)
    assert world.polls.apply_page(first, [row], next_offset=1000, next_in_s=None) == 1

    second = world.claim_poll()  # at once: pages are left
    assert second.offset == 1000
    assert world.polls.apply_page(second, [], next_offset=1000, next_in_s=10) == 1
    assert world.find_and_claim_poll() is None
    world.pass_s(10)
    again = world.claim_poll()
    assert (again.offset, again.age_s) == (1000, 15.0)
    assert world.polls.apply_page(first, [row], next_offset=0, next_in_s=10) is None


def test_only_the_newest_receipts_are_kept(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claim(job)
    for i in range(MAX_RECEIPTS + 3):
        world.polls.apply_receipt(job, str(i).encode(), {}, unmatched=0, plan=PLAN)

    kept = world.redis.lrange(world.keys.receipts(job), 0, -1)
    assert kept == [str(i) for i in range(3, MAX_RECEIPTS + 3)]


def test_a_receipt_may_hold_any_bytes(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claim(job)
    world.polls.apply_receipt(job, bytes(range(256)), {1: 501}, unmatched=2, plan=PLAN)

    assert world.redis.llen(world.keys.receipts(job)) == 1
    assert world.views.stats(10).oddities["receipt_ids_unmatched"] == 2

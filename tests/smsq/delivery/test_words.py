"""Words of the gateway's that we do not know: kept, counted, shown, and mapped by a setting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smsq.delivery.page_facts import PageFacts
from smsq.delivery.polls import Polls, show_word
from smsq.domain.outcomes import GATEWAY_WORDS, Verdict
from smsq.models import JobState, Kind, RecipientState, ReportRow
from smsq.operate.checks import Mark, check_stats
from tests.smsq.cli.conftest import Smsq, smsq, smsq_json
from tests.smsq.world import PLAN, World

__all__ = ["smsq", "smsq_json"]

FIRST, SECOND, THIRD = (f"37529{1234567 + n}" for n in range(3))


@pytest.fixture
def job(world: World) -> str:
    """An accepted job of three recipients whose message id is known."""
    made = world.enqueue(kind=Kind.BULK, phones=3)
    world.claims.settle(world.claim(made), Verdict(state=JobState.ACCEPTED), PLAN)
    world.polls.apply_receipt(made, b"{}", {1: 501}, unmatched=0, plan=PLAN)
    return made


def report(world: World, *rows: tuple[str, str], polls: Polls | None = None) -> None:
    """Poll once, and hear these rows."""
    world.pass_s(10)
    reported = [ReportRow(phone, word, None) for phone, word in rows]
    (polls or world.polls).apply_page(world.claim_poll(), reported, next_offset=0, next_in_s=10)


def states(world: World, job: str) -> dict[str, tuple[str, str | None]]:
    return {r.phone: (r.state, r.gateway_status) for r in world.views.recipients(job)}


@pytest.mark.usefixtures("job")
def test_a_word_is_counted_once_per_recipient_however_often_it_is_polled(world: World) -> None:
    for _ in range(3):
        report(world, (FIRST, "In process"), (SECOND, "In process"), (THIRD, "sent"))
    report(world, (FIRST, "buffered"), (SECOND, "In process"))

    assert world.views.stats(10).unknown_words == {"In process": 2, "buffered": 1}


@pytest.mark.usefixtures("job")
def test_words_are_bounded_in_number_and_length(world: World) -> None:
    for n in range(20):
        report(world, *((phone, f"{n} {phone[-1]} {'x' * 50}") for phone in (FIRST, SECOND, THIRD)))

    words = world.views.stats(10).unknown_words
    assert len(words) == 51
    assert words["(others)"] == 10
    assert all(len(word) <= 40 for word in words)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("375291234567", "************"),
        ("read by +375 29 123-45-67", "read by +*** ** ***-**-**"),
        ("error 404", "error 404"),
        ("", "(empty)"),
        ("  ", "(empty)"),
    ],
)
def test_a_word_never_shows_a_phone(word: str, shown: str) -> None:
    assert show_word(word) == shown


def test_a_word_that_the_setting_knows_is_a_state(world: World, job: str) -> None:
    report(world, (FIRST, "Read"))
    mapped = {**GATEWAY_WORDS, "read": RecipientState.DELIVERED}
    assert states(world, job)[FIRST] == (RecipientState.PENDING, "Read")

    polls = Polls(world.scripts, timezone="UTC", words=mapped)
    report(world, (FIRST, "Read"), polls=polls)

    assert states(world, job)[FIRST] == (RecipientState.DELIVERED, "Read")
    assert world.views.stats(10, mapped).unknown_words == {}


def test_an_unknown_word_takes_nothing_from_a_final_one(world: World, job: str) -> None:
    report(world, (FIRST, "delivered"), (SECOND, "sent"))
    report(world, (FIRST, "archived"), (SECOND, "archived"))

    assert states(world, job)[FIRST] == (RecipientState.DELIVERED, "delivered")
    assert states(world, job)[SECOND] == (RecipientState.SENT, "archived")
    assert world.views.stats(10).unknown_words == {"archived": 2}


def test_what_a_report_leaves_out_stays_pending(world: World, job: str) -> None:
    report(world)
    assert world.views.status(job).counts == {RecipientState.PENDING: 3}
    report(world, (FIRST, "delivered"))

    assert world.state(job) is JobState.ACCEPTED
    assert world.views.status(job).counts == {
        RecipientState.DELIVERED: 1,
        RecipientState.PENDING: 2,
    }


@pytest.mark.usefixtures("job")
def test_stats_and_doctor_name_the_words(
    world: World, smsq: Smsq, smsq_json: Callable[..., Any]
) -> None:
    report(world, (FIRST, "In process"), (SECOND, "In process"), (THIRD, "parked"))

    assert smsq_json("stats")["unknown_words"] == {"In process": 2, "parked": 1}
    assert "not known to us: 'In process' 2 times, 'parked' 1 times" in smsq("stats").stdout
    mapped = smsq_json("stats", SMSQ_STATUS_MAP="in_process=pending")
    assert mapped["unknown_words"] == {"parked": 1}
    [check] = [c for c in check_stats(world.views.stats(10)) if c.name == "words"]
    assert check.status is Mark.WARNING
    assert "SMSQ_STATUS_MAP" in check.fix


@pytest.mark.usefixtures("job")
def test_stats_and_doctor_say_what_to_do_about_odd_reports(world: World, smsq: Smsq) -> None:
    world.pass_s(10)
    facts = PageFacts(unreadable=7)
    world.polls.apply_page(world.claim_poll(), [], next_offset=0, next_in_s=5, facts=facts)

    [check] = [c for c in check_stats(world.views.stats(10)) if c.name == "reports"]
    assert check.status is Mark.WARNING
    assert "7 rows had no phone or no status" in check.detail
    assert check.fix
    assert f"look at   7 reports unreadable: {check.fix}" in smsq("stats").stdout

"""The questions at night of docs/operations.md: each is answered in its place on the page, too."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from smsq.settings import Settings
from tests.monitoring import situations
from tests.smsq.world import World
from tests.worker.page.browsing import READER, Visitor, text_of

DOCS = Path(__file__).parents[3] / "docs"

#: Question → what is set up, where it is looked up, what is read there.
ANSWERS: dict[str, tuple[Callable[[World], object], str, str]] = {
    "Do codes go out, and how late?": (situations.late_code, "/", "urgent 1 "),
    "Why does nothing go out?": (situations.refused_token, "/", "401: invalid token"),
    "Did this person's code go out?": (situations.delivered_code, "/find", r"67 delivered"),
    "Who paused it?": (situations.pause_by_anna, "/", "anna@desk"),
    "Is the gateway slow, or does it refuse?": (situations.slow_refusals, "/history", "refused"),
    "Are a sender's deliveries falling?": (
        *(situations.fallen_sender, "/history?hours=1"),
        "Shop 50 50 0 50 %",
    ),
    "What is stuck, and what do I do?": (situations.stuck_jobs, "/stuck", "no answer"),
    "Do workers, beat and web live, and in which version?": (
        *(situations.live_processes, "/"),
        re.escape(situations.VERSION),
    ),
    "What did today cost?": (situations.costs, "/history?hours=1", r"2 0\.07"),
    "Does my app get its events?": (situations.held_up_events, "/stuck", "status 500"),
}


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {
        "SMSQ_WEBHOOK_URL": situations.WEBHOOK,
        "SMSQ_WEBHOOK_SECRET": "a secret of the webhook",
    }


@pytest.fixture
def present(settings: Settings) -> Iterator[World]:
    """A ledger whose clock begins two minutes ago."""
    made = World(settings)
    made.now_us = int((time.time() - 120) * 1e6)
    yield made
    made.redis.close()


def test_every_question_has_its_place() -> None:
    page = (DOCS / "operations.md").read_text()
    section = page.partition("### Questions at night")[2].partition("\n## ")[0]
    asked = set(re.findall(r"^\| (.+\?) \|", section, re.M))
    # What Redis lacks is doctor's to say; the page shows all that doctor says: test_now.py.
    assert asked - ANSWERS.keys() == {"Is Redis full, or did it lose something?"}


@pytest.mark.parametrize("question", ANSWERS)
def test_a_question_is_answered_in_its_place(
    question: str, present: World, stranger: Visitor
) -> None:
    set_up, path, expected = ANSWERS[question]
    set_up(present)

    # What all viewers share is read anew only after a while.
    reader = stranger.log_in(*READER)
    # A phone is never part of an address.
    answer = reader.post(path, what="+375 29 123-45-67") if path == "/find" else reader.get(path)
    assert answer.status_code == 200, answer.text
    told = text_of(answer.text)
    assert re.search(expected, told), told

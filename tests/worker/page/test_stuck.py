"""Stuck: unknown and dead jobs, messages without an id, news given up; and the button for each."""

from __future__ import annotations

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import JobState
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.smsq.world import PLAN, World
from tests.worker.page.browsing import Visitor, text_of


def stick(settings: Settings, state: JobState, count: int = 1) -> list[str]:
    """Have jobs end in a state that waits for an operator."""
    world = World(settings)
    jobs = []
    for _ in range(count):
        job = world.enqueue()
        verdict = Verdict(state=state, error="no answer")
        world.claims.settle(world.claim(job), verdict, PLAN)
        jobs.append(job)
    world.redis.close()
    return jobs


def look(visitor: Visitor) -> str:
    look.asked += 1  # type: ignore[attr-defined]
    answer = visitor.get(f"/stuck?n={look.asked}")  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


look.asked = 0  # type: ignore[attr-defined]


def test_nothing_stuck_is_good_news(reader: Visitor) -> None:
    assert "Nothing waits for an operator." in look(reader)


def test_each_kind_says_what_it_means(reader: Visitor, settings: Settings) -> None:
    [unknown] = stick(settings, JobState.UNKNOWN)
    [dead] = stick(settings, JobState.DEAD)
    told = look(reader)

    assert f"{unknown} " in told
    assert f"{dead} " in told
    assert "no clear answer came" in told
    assert "All attempts are used up" in told
    assert "<button" not in reader.get("/stuck?b").text.partition("<main")[2]


@pytest.mark.parametrize(
    ("state", "deed", "then"),
    [
        (JobState.UNKNOWN, "resend", JobState.QUEUED),
        (JobState.UNKNOWN, "accepted", JobState.ACCEPTED),
        (JobState.UNKNOWN, "rejected", JobState.REJECTED),
        (JobState.DEAD, "retry", JobState.QUEUED),
    ],
)
def test_an_operator_moves_one_on(
    operator: Visitor,
    reader: Visitor,
    queue: SmsQueue,
    settings: Settings,
    state: JobState,
    deed: str,
    then: JobState,
) -> None:
    [job] = stick(settings, state)
    assert reader.post(f"/stuck/job/{job}/{deed}").status_code == 403
    assert queue.status(job).state is state

    answer = operator.post(f"/stuck/job/{job}/{deed}")
    assert answer.headers["location"] == "/stuck?said=said.stuck_done"
    assert queue.status(job).state is then
    assert "anna" in text_of(operator.get(f"/find/{job}?{deed}").text)


def test_all_of_them_are_moved_on_after_a_dry_run(
    operator: Visitor, queue: SmsQueue, settings: Settings
) -> None:
    jobs = stick(settings, JobState.UNKNOWN, 3)
    told = text_of(operator.post("/stuck/all/resend").text)
    assert "Nothing was done yet. It would be done to 3 jobs with 3 recipients." in told
    assert {queue.status(job).state for job in jobs} == {JobState.UNKNOWN}

    told = text_of(operator.post("/stuck/all/resend", sure="1").text)
    assert "It was done to 3 jobs." in told
    assert {queue.status(job).state for job in jobs} == {JobState.QUEUED}


def test_what_cannot_be_done_is_told(operator: Visitor, queue: SmsQueue) -> None:
    job = str(queue.send_quick("375291234567", "code"))
    assert "there is nothing to retry" in text_of(operator.post(f"/stuck/job/{job}/retry").text)
    assert operator.post(f"/stuck/job/{job}/eat").status_code == 404
    assert operator.post("/stuck/all/eat").status_code == 404
    assert operator.post("/stuck/delivery/1-0").status_code == 404


@pytest.mark.parametrize("deed", ["job/{phone}/retry", "unmatched/{phone}"])
def test_a_phone_for_an_id_is_not_repeated(operator: Visitor, deed: str) -> None:
    path = "/stuck/" + deed.format(phone="375291234567")
    answer = operator.post(path, name="#1", message_id="12")

    assert answer.status_code == 404
    assert "no job has the id +375*******67" in text_of(answer.text)
    assert "1234567" not in answer.text


@pytest.mark.parametrize("message_id", ["", "abc", "-1", "9" * 40])
def test_a_message_id_that_is_none_is_refused(
    operator: Visitor, queue: SmsQueue, message_id: str
) -> None:
    job = str(queue.send_quick("375291234567", "code"))
    answer = operator.post(f"/stuck/unmatched/{job}", name="#1", message_id=message_id)
    assert answer.status_code == 400
    assert "write the gateway's number" in text_of(answer.text)


def test_a_ledger_with_many_stuck_jobs_costs_no_more(operator: Visitor, settings: Settings) -> None:
    stick(settings, JobState.DEAD, 25)
    told = look(operator)
    assert "20 of 25, the oldest first." in told

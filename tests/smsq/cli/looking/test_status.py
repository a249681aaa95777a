"""`smsq status`, `watch`, `stats`, `cancel`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import smsq as library
from smsq.cli.looking import watch
from smsq.cli.looking.watch import draw, say_duration
from smsq.cli.output import make_console
from smsq.domain.outcomes import Verdict
from smsq.measures.keys import MeasureKeys
from smsq.models import JobState, RecipientState, ReportRow
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace, Slot
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.clock import ledger_time
from smsq.store.scripts import Scripts
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import ACCEPTED, PLAN, World

Json = Callable[..., Any]


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """The ledger as a worker sees it, on the clock that the command line has too."""
    made = World(settings)
    made.now_us = round(time.time() * 1e6)
    yield made
    made.redis.close()


def accept(world: World, job: str) -> None:
    """Bring a job as far as a worker would whose request the gateway took."""
    assert world.claims.settle(world.claim(job), ACCEPTED, PLAN)


def deliver(world: World, *phones: str) -> None:
    """Write down what the gateway reports."""
    world.pass_s(10)
    rows = [ReportRow(phone, "delivered", "2026-03-22 11:32:32") for phone in phones]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)


def close_gate(scripts: Scripts) -> None:
    limiter = Limiter(scripts, Pace(rate_per_s=10, burst=1))
    slot = Slot(wait_s=0, epoch=limiter.epoch())
    limiter.close_broken(slot, "the token is wrong")


def test_status_is_the_contract_s_document(smsq_json: Json, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "code", reference="order-77", tags=["otp"])

    assert smsq_json("status", job) == {
        "id": job,
        "kind": "quick",
        "state": "queued",
        "attempts": 0,
        "error": None,
        "counts": {"pending": 1},
        "messages": [
            {"name": "", "message_id": None, "recipients": 1, "counts": {"pending": 1}}
        ],
        "reference": "order-77",
        "tags": ["otp"],
    }  # fmt: skip


def test_recipients_come_with_their_times_in_utc(
    smsq_json: Json, queue: SmsQueue, world: World
) -> None:
    job = queue.send_quick("375291234567", "code")
    assert smsq_json("status", job, "--recipients")["recipients"] == [
        {
            "phone": "375291234567",
            "state": "pending",
            "gateway_status": None,
            "sent_at": None,
            "reference": None,
        }
    ]

    accept(world, job)
    deliver(world, "375291234567")

    told = smsq_json("status", job, "--recipients")
    assert told["state"] == "done"
    assert told["recipients"] == [
        {
            "phone": "375291234567",
            "state": "delivered",
            "gateway_status": "delivered",
            "sent_at": "2026-03-22T08:32:32+00:00",
            "reference": None,
        }
    ]


def test_a_person_sees_times_in_the_gateway_s_zone_and_phones_only_on_request(
    smsq: Smsq, queue: SmsQueue, world: World
) -> None:
    job = queue.send_quick("375291234567", "code")
    accept(world, job)
    deliver(world, "375291234567")

    assert "375291234567" not in smsq("status", job).stdout
    shown = smsq("status", job, "--recipients").stdout
    assert "375291234567" in shown
    assert "2026-03-22 11:32:32" in shown


def test_a_campaign_shows_its_messages(smsq: Smsq, smsq_json: Json, queue: SmsQueue) -> None:
    phones = [f"37529{1234000 + i}" for i in range(3)]
    campaign = queue.send_bulk([library.BulkMessage(name="Sale [1]", text="x", phones=phones)])

    shown = smsq("status", campaign).stdout
    assert "Sale [1]" in shown
    assert "3 pending" in shown
    assert smsq_json("status", campaign)["messages"][0]["name"] == "Sale [1]"


@pytest.mark.parametrize("command", ["status", "watch", "cancel"])
@pytest.mark.parametrize("some_id", ["j0000", "", "\u0444", "a:b", "*"])
def test_an_id_that_nobody_has_is_exit_code_4(command: str, some_id: str, smsq_json: Json) -> None:
    told = smsq_json(command, some_id, exit_code=4)

    assert told["error"]["type"] == "NotFoundError"


def test_watch_ends_by_itself_when_it_is_final(
    smsq_json: Json, queue: SmsQueue, world: World
) -> None:
    job = queue.send_quick("375291234567", "code")
    accept(world, job)
    later = threading.Timer(0.3, deliver, [world, "375291234567"])
    later.start()

    told = smsq_json("watch", job)

    assert (told["state"], told["counts"]) == ("done", {"delivered": 1})
    later.join()


def test_watch_gives_up_with_exit_code_1_when_asked_to(smsq_json: Json, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "code")

    assert smsq_json("watch", job, "--timeout-s", "0.1", exit_code=1)["state"] == "queued"


def test_the_bars_show_states_rate_and_time_left(queue: SmsQueue) -> None:
    phones = [f"37529{1234000 + i}" for i in range(10)]
    campaign = queue.send_bulk([library.BulkMessage(name="Sale", text="x", phones=phones)])
    console = make_console()
    with console.capture() as shown:
        console.print(draw(queue.status(campaign), per_s=0.1, gate="stopped"))

    assert "pending" in shown.get()
    assert "10 not final yet, 0.1/s, about 1:40 left" in shown.get()
    assert "stopped" in shown.get()


def test_the_pace_is_that_of_the_latest_looks() -> None:
    pace = watch.Pace()
    pace.note(0, 0)
    assert pace.per_s == 0
    for second in range(1, 200):
        pace.note(second, second * 2)
    assert pace.per_s == 2


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0:00"), (100, "1:40"), (7322, "2:02:02")])
def test_a_duration_reads_like_a_clock(seconds: float, said: str) -> None:
    assert say_duration(seconds) == said


def test_stats_is_the_contract_s_document(
    smsq_json: Json, queue: SmsQueue, scripts: Scripts
) -> None:
    queue.send_quick("375291234567", "code")
    close_gate(scripts)

    told = smsq_json("stats", SMSQ_RATE_PER_S="4")

    contract = {"jobs", "recipients", "unknown", "dead", "oldest_waiting_s", "rate"}
    assert set(told) == contract | {"unknown_words", "last_hour"}
    assert told["jobs"] == {state: int(state == "queued") for state in JobState}
    assert told["recipients"] == {state: int(state == "pending") for state in RecipientState}
    assert (told["unknown"], told["dead"]) == (0, 0)
    assert 0 <= told["oldest_waiting_s"] < 30
    assert told["rate"].keys() == {"ceiling_per_s", "current_per_s", "closed_for_s"}
    assert told["rate"]["ceiling_per_s"] == 4
    assert 30 < told["rate"]["closed_for_s"] <= 60


def test_stats_tell_how_the_last_hour_was(smsq: Smsq, smsq_json: Json, scripts: Scripts) -> None:
    assert smsq_json("stats")["last_hour"]["priorities"]["urgent"] == {
        "jobs": 0,
        "to_request": {"p50_s": None, "p95_s": None},
        "to_delivered": {"p50_s": None, "p95_s": None},
    }
    keys = MeasureKeys(scripts.keys.namespace)
    minute = int(ledger_time(scripts.redis, scripts.keys).now_s // 60)
    # 100 within 50 ms, of which 10 took up to 2 s; delivered within 10 s.
    fields = {"e|urgent|4": 90, "e|urgent|9": 10, "d|urgent|11": 100, "m|urgent": 3_500_000}
    fields |= {"p|urgent": 100, "q|q|accepted|5": 100, "r|q|busy|http_429": 7}
    scripts.redis.hset(keys.minute(minute), mapping={name: str(n) for name, n in fields.items()})
    scripts.redis.zadd(keys.minutes, {str(minute): minute})

    hour = smsq_json("stats")["last_hour"]
    urgent = hour["priorities"]["urgent"]
    assert 0.025 < urgent["to_request"]["p50_s"] <= 0.05
    assert 1 < urgent["to_request"]["p95_s"] <= 2
    assert 5 < urgent["to_delivered"]["p95_s"] <= 10
    assert hour["requests"] == {"accepted": 100, "busy": 7}
    assert (hour["parts"], hour["spent"]) == (100, 3.5)
    shown = smsq("stats").stdout
    assert "last hour 100 urgent: half and 95 % requested within 39 ms and 1.5 s" in shown
    assert "last hour requests: 100 accepted, 7 busy" in shown


def test_stats_say_why_nothing_is_sent_and_what_is_odd(
    smsq: Smsq, scripts: Scripts, namespace: str
) -> None:
    close_gate(scripts)
    scripts.redis.hset(f"{namespace}:counts", "late_settles", 3)

    shown = smsq("stats").stdout

    assert "the token is wrong" in shown
    assert "3 late settles" in shown


def test_a_pause_has_no_end_of_its_own(smsq: Smsq, smsq_json: Json, scripts: Scripts) -> None:
    Limiter(scripts, Pace(rate_per_s=10, burst=1)).pause("by an operator")

    assert "paused until smsq resume: by an operator" in smsq("stats").stdout
    assert smsq_json("stats")["rate"]["closed_for_s"] == 1e9


def test_cancel_takes_back_what_is_not_sent_yet(smsq_json: Json, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "code")

    assert smsq_json("cancel", job) == {"id": job, "cancelled": 1, "state": "cancelled"}


def test_what_may_be_out_is_not_said_to_be_cancelled(
    smsq: Smsq, smsq_json: Json, queue: SmsQueue, world: World
) -> None:
    job = queue.send_quick("375291234567", "code", on_unknown="resend")
    again = Verdict(state=JobState.QUEUED, error="no answer", error_class="unknown")
    world.claims.settle(world.claim(job), again, PLAN)

    assert smsq_json("cancel", job) == {"id": job, "cancelled": 0, "state": "unknown"}
    assert "an attempt may have been accepted" in smsq("cancel", job).stdout


def test_too_late_to_cancel_is_done_too_and_says_the_state(
    smsq: Smsq, smsq_json: Json, queue: SmsQueue, world: World
) -> None:
    job = queue.send_quick("375291234567", "code")
    accept(world, job)

    assert smsq_json("cancel", job) == {"id": job, "cancelled": 0, "state": "accepted"}
    assert smsq("cancel", job).stdout == "too late to cancel: it is accepted\n"

"""A staging system: by whatever way a message goes, the gateway hears of the sandbox alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from smsq.models import (
    BulkMessage,
    JobState,
    PersonalMessage,
    QuickMessage,
    RecipientState,
)
from smsq.operate.stuck_jobs import StuckJobs
from smsq.queue import SmsQueue
from smsq.simulator.server import RunningSimulator
from smsq.steps.resources import Resources
from smsq.testing.clock import Clock
from smsq.testing.drain import drain
from tests.support import wait_until

OURS, THEIRS = "375291234567", "375291234568"
#: The gateway answers 500 once; it takes the message, and the answer is lost.
RETRIED, LOST = "375291230500", "375291230499"
SANDBOX = [OURS, RETRIED, LOST]


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    spelt = "+375 29 123-45-67," + ",".join(f"+{phone}" for phone in SANDBOX[1:])
    return environ | {
        "SMSQ_SANDBOX": "1",
        "SMSQ_SANDBOX_PHONES": spelt,
        "SMSQ_MAX_ATTEMPTS": "1",
        "SMSQ_GATHER_S": "0.1",
    }


@pytest.fixture
def work(resources: Resources) -> Callable[[], None]:
    """Send all that is due; the clock is Redis' own."""

    def work() -> None:
        drain(resources, Clock(), for_s=0, after_send=lambda _: None)

    return work


def phones_in(simulator: RunningSimulator) -> set[str]:
    return {phone for phone, _ in simulator.accepted()}


def send_every_way(queue: SmsQueue) -> dict[str, str]:
    """One message for a phone of ours and one for a customer's, by each way; id by way."""
    ids: dict[str, str] = {}
    for phone in (OURS, THEIRS):
        ids[f"urgent {phone}"] = queue.send_quick(phone, f"urgent {phone}", priority="urgent")
        ids[f"normal {phone}"] = queue.send_quick(phone, f"normal {phone}")
        ids[f"gathered {phone}"] = queue.send_personal(phone, f"gathered {phone}")
    many = [QuickMessage(phone=phone, text=f"many {phone}") for phone in (OURS, THEIRS)]
    queue.send_quick_many(many)
    bills = PersonalMessage(
        name="Bills", texts=[(phone, f"bill {phone}") for phone in (OURS, THEIRS)]
    )
    sale = BulkMessage(name="Sale", text="sale", phones=[OURS, THEIRS])
    for name, message in (("bills", bills), ("sale", sale)):
        ids[name] = queue.send_bulk([message])
    return ids


def test_every_way_to_send_ends_at_the_sandbox(
    queue: SmsQueue, simulator: RunningSimulator, work: Callable[[], None]
) -> None:
    ids = send_every_way(queue)
    ways = {"urgent", "normal", "gathered", "many", "bill", "sale"}

    def are_all_out() -> bool:
        work()
        return {text.partition(" ")[0] for _, text in simulator.accepted()} == ways

    wait_until(are_all_out, "each way leads out")
    assert phones_in(simulator) == {OURS}
    withheld = next(queue.recipients(ids[f"urgent {THEIRS}"]))
    assert (withheld.state, withheld.gateway_status) == (RecipientState.WITHHELD, "sandbox")
    assert queue.status(ids[f"urgent {THEIRS}"]).state is JobState.DONE
    states = {r.phone: r.state for r in queue.recipients(ids["sale"])}
    assert states[THEIRS] is RecipientState.WITHHELD


def test_what_waits_for_another_try_goes_to_nobody_else(
    queue: SmsQueue,
    resources: Resources,
    simulator: RunningSimulator,
    work: Callable[[], None],
) -> None:
    sale = BulkMessage(name="Sale", text="sale", phones=[LOST, RETRIED, THEIRS])
    campaign = queue.send_bulk([sale], on_unknown="resend")
    dead, unknown, _ = [queue.send_quick(phone, "code") for phone in (RETRIED, LOST, THEIRS)]

    def is_in(job: str, state: JobState) -> bool:
        work()
        return queue.status(job).state is state

    wait_until(partial(is_in, dead, JobState.DEAD), "its one attempt failed")
    wait_until(partial(is_in, unknown, JobState.UNKNOWN), "its answer was lost")
    stuck = StuckJobs(resources.settings, resources.redis, by="ops")
    stuck.resend(unknown)
    stuck.retry(dead)
    queue.pause(campaign)
    work()
    queue.resume(campaign)
    wait_until(partial(is_in, dead, JobState.ACCEPTED), "the retry goes out")

    def is_tried() -> bool:
        work()
        return queue.campaign(campaign).counts[RecipientState.WITHHELD] == 1

    wait_until(is_tried, "the campaign was tried")

    assert RETRIED in phones_in(simulator)
    assert phones_in(simulator) <= set(SANDBOX)

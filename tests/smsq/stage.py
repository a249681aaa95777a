"""A ledger on which every act of an operator has something to act on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from smsq.audit.acts import Act
from smsq.domain.outcomes import Verdict
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, Webhooks
from smsq.models import BulkMessage, JobState, Kind
from smsq.names import Start
from smsq.queue import SmsQueue
from tests.smsq.world import ACCEPTED, PLAN, World

PHONE = "375291234567"
UNKNOWN = Verdict(state=JobState.UNKNOWN, error="no answer", error_class="unknown")
DEAD = Verdict(state=JobState.DEAD, error="gave up: 500", error_class="temporary")


@dataclass(frozen=True)
class Stage:
    """What acts are about."""

    queued: str
    gathered: str
    campaign: str
    paused: str
    done_for: str
    unknown: str
    dead: str
    accepted: str
    delivery: str
    phones: str
    bill: str
    phone: str = "375291234500"
    opted_out: str = PHONE


def settled(world: World, verdict: Verdict, kind: Kind = Kind.QUICK) -> str:
    """Enqueue a job that has ended so."""
    job = world.enqueue(kind=kind)
    world.claims.settle(world.claim(job), verdict, PLAN)
    return job


def set_up(world: World, queue: SmsQueue, folder: Path) -> Stage:
    """Set everything up; nobody of it stands in the audit trail."""
    unknown, dead = settled(world, UNKNOWN), settled(world, DEAD)
    accepted = settled(world, Verdict(state=JobState.ACCEPTED), Kind.BULK)
    settled(world, ACCEPTED)
    hooks = Webhooks(world.scripts, start=Start.OLDEST)
    world.pass_s(10)
    hooks.collect()
    delivery = hooks.claim(lease_s=30)
    assert delivery
    world.pass_s(GIVE_UP_MS / 1000 + 1)
    hooks.settle(delivery, Posted(Answer.FAILED, "status 500"))
    world.redis.hset(world.keys.webhook, "closed_until_ms", str(10**14))
    world.enqueue()  # news to come
    message = BulkMessage(name="Sale", text="hi", phones=[PHONE])
    campaign, paused, done_for = (str(queue.send_bulk([message])) for _ in range(3))
    queue.optout._run("add", [PHONE], "setup", Act.OPTOUT_ADD, "")
    world.brakes.pause(paused, by="setup")
    world.brakes.cancel(done_for, by="setup")
    (folder / "phones.txt").write_text("375291234568\n375291234569\n")
    (folder / "bill.csv").write_text("phone\n")
    world.redis.delete(world.keys.audit, world.keys.audit_head)
    return Stage(
        queued=str(queue.send_quick(PHONE, "Your code is 4821", reference="order-77")),
        gathered=str(queue.send_personal(PHONE, "Your bill")),
        campaign=campaign,
        paused=paused,
        done_for=done_for,
        unknown=unknown,
        dead=dead,
        accepted=accepted,
        delivery=delivery.id,
        phones=str(folder / "phones.txt"),
        bill=str(folder / "bill.csv"),
    )

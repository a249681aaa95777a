"""Situations at night, set up on a ledger: each is asked about on the command line and on the page.

In:  a `World`. Out: the ids that an answer must name.
"""

from __future__ import annotations

import time

from smsq.domain.account import Endpoint
from smsq.domain.outcomes import Verdict
from smsq.errors import MisconfiguredError
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, Webhooks
from smsq.measures.exchange import Exchange
from smsq.measures.keys import MeasureKeys
from smsq.measures.packing import pack
from smsq.models import JobState, Kind
from smsq.names import Queue, Start
from smsq.operate.controls import Controls
from smsq.pacing.slots import Slot
from smsq.queue import SmsQueue
from smsq.rings.presence import Presence
from tests.smsq.measures.measured import EXCHANGE, report
from tests.smsq.world import ACCEPTED, PLAN, World

WEBHOOK = "https://shop.example"
VERSION = "0.1.0 3f2a91c"


def be_here(world: World) -> None:
    """Set the ledger's clock to what it is."""
    world.now_us = int(time.time() * 1e6)


def keep_minute(world: World, minutes_ago: int, **fields: int) -> None:
    """Keep what was measured in a minute; `_` stands for `|`."""
    key = MeasureKeys(world.keys.namespace).history(int(time.time() // 60) - minutes_ago)
    world.redis.set(key, pack({name.replace("_", "|"): n for name, n in fields.items()}))


def late_code(world: World) -> str:
    """A code that waited 7 s for its request and was delivered 27 s after enqueue."""
    job = world.enqueue(priority=Queue.URGENT)
    world.pass_s(7)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    world.pass_s(20)
    report(world, job)
    return job


def delivered_code(world: World) -> str:
    """One person's code, enqueued by an app and delivered."""
    with SmsQueue(settings=world.settings) as queue:
        job = queue.send_quick("375291234567", "Your code is 4821", priority="urgent")
    be_here(world)
    world.pass_s(1)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    report(world, job)
    return job


def refused_token(world: World) -> None:
    """The gateway says 401, and sending stops."""
    be_here(world)
    for who in ("j1", "j2", "j3"):
        failure = MisconfiguredError("401: invalid token", status=401)
        slot = Slot(wait_s=0, epoch=world.limiter.epoch())
        world.limiter.hear(slot, failure, who=who, endpoint=Endpoint.QUICK)


def pause_by_anna(world: World) -> None:
    """Somebody paused all sending."""
    Controls(world.redis, world.limiter, by="anna@desk").pause()


def slow_refusals(world: World) -> None:
    """The gateway refuses three messages, and takes 8 s for each."""
    refused = Verdict(state=JobState.REJECTED, error="400: bad request")
    slow = Exchange(endpoint="q", outcome="refused", reason="http_400", took_ms=8000)
    for _ in range(3):
        world.claims.settle(world.claim(world.enqueue()), refused, PLAN, slow)


def fallen_sender(world: World) -> None:
    """Half of Shop's recipients arrive, and 95 of 100 did the day before; Bank's arrive as ever."""
    keep_minute(world, 30, q_q_accepted_5=200, f_Shop_d=50, f_Shop_u=50, f_Bank_d=97, f_Bank_u=3)
    keep_minute(world, 600, f_Shop_d=95, f_Shop_u=5, f_Bank_d=97, f_Bank_u=3)


def stuck_jobs(world: World) -> dict[str, str]:
    """An unknown job, a dead one, and one that lacks its message id."""
    ids = {}
    for state, error_class in ((JobState.UNKNOWN, "unknown"), (JobState.DEAD, "temporary")):
        ids[str(state)] = world.enqueue()
        verdict = Verdict(state=state, error="no answer", error_class=error_class)
        world.claims.settle(world.claim(ids[str(state)]), verdict, PLAN)
    ids["unmatched"] = world.enqueue(kind=Kind.BULK)
    verdict = Verdict(state=JobState.ACCEPTED)
    world.claims.settle(world.claim(ids["unmatched"]), verdict, PLAN)
    return ids


def live_processes(world: World) -> None:
    """A worker takes rings, and beat ticks."""
    be_here(world)
    Presence(world.scripts, "gw:443", VERSION).tell("smsq-1@vm", 0.0)
    world.redis.set(world.keys.heartbeat, time.time())


def costs(world: World) -> None:
    """Two parts at 0.035 just now, and a thousand of twenty hours ago."""
    job = world.enqueue(priority=Queue.URGENT)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN, EXCHANGE)
    keep_minute(world, 20 * 60, p_urgent=1000, m_urgent=35_000_000)


def held_up_events(world: World) -> None:
    """A delivery to the app was given up, another waits."""
    hooks = Webhooks(world.scripts, url=WEBHOOK, start=Start.OLDEST)
    world.now_us -= GIVE_UP_MS * 1000
    world.enqueue()
    world.pass_s(10)
    hooks.collect()
    delivery = hooks.claim(lease_s=30)
    assert delivery
    world.pass_s(GIVE_UP_MS / 1000 + 1)
    hooks.settle(delivery, Posted(Answer.FAILED, "status 500"))
    world.enqueue()
    hooks.collect()

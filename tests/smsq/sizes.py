"""A tour through the life of jobs of any size, with every script call measured.

In:  a real Redis' settings, and a size. Out: what each script's dearest call took.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import smsq.scripts
import tests.smsq.world as worlds
from smsq.campaign import CampaignDraft
from smsq.jobs import Claim, Idempotency, PollClaim
from smsq.matching import Matching
from smsq.models import JobState, MessageRequest, ReportRow
from smsq.optouts import OptOuts
from smsq.settings import Settings
from smsq.states import Verdict
from tests.smsq.world import PLAN, World

ACCEPTED = Verdict(state=JobState.ACCEPTED, gateway_fields={"uuid": "u"})
REFUSED = Verdict(state=JobState.REJECTED, error="no", error_class="refused")
PAGE_ROWS = 1000


@dataclass(slots=True)
class Dearest:
    """What a script's calls cost."""

    calls: int = 0
    commands: int = 0
    took_ms: float = 0.0
    processor_ms: float = 0.0


@dataclass(slots=True)
class Meter:
    """Counts the commands that each script call runs, and the time that it takes of Redis."""

    scripts: dict[str, Dearest] = field(default_factory=lambda: defaultdict(Dearest))

    def install(self) -> type[smsq.scripts.Scripts]:
        """Make a `Scripts` that is measured."""
        meter = self

        class Measured(smsq.scripts.Scripts):
            def run(self, name: str, *args: Any, client: Any = None) -> Any:
                if client is not None:
                    return super().run(name, *args, client=client)
                before, before_us, before_s = _used(self.redis)
                answer = super().run(name, *args)
                after, after_us, after_s = _used(self.redis)
                one = meter.scripts[name]
                one.calls += 1
                one.commands = max(one.commands, after - before)
                one.took_ms = max(one.took_ms, (after_us - before_us) / 1000)
                one.processor_ms = max(one.processor_ms, (after_s - before_s) * 1000)
                return answer

        return Measured


def _used(redis: Any) -> tuple[int, float, float]:
    stats = redis.info("commandstats")
    commands = sum(int(one["calls"]) for one in stats.values())
    cpu = redis.info("cpu")
    used_s = cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]
    return commands, float(stats.get("cmdstat_evalsha", {}).get("usec", 0)), float(used_s)


def tour(settings: Settings, *, recipients: int, messages: int) -> Meter:
    """Lead jobs of so many recipients, and of so many messages, through all that happens."""
    meter = Meter()
    with patch.object(worlds, "Scripts", meter.install()):
        world = World(settings)
    world.go_to("2026-11-24T12:00")
    OptOuts(world.scripts, settings).add([phone(i) for i in range(0, recipients, 50)])
    for size, among in ((recipients, 1), (messages, messages)):
        _send(world, size, among)
        _refuse(world, size, among)
        _cancel(world, size, among)
        _doubt(world, size, among)
        _sweep(world, size, among)
    world.polls.find_due(limit=500)
    world.limiter.find_forgotten(limit=2000)
    return meter


def phone(i: int) -> str:
    """Spread over their shards; every tenth abroad."""
    return f"48501{(i * 7) % 1_000_000:06}" if i % 10 == 0 else f"37529{1_000_000 + i * 37}"


def _wait_for_noon(world: World) -> None:
    """Quiet hours are over wherever the recipients are."""
    day_us = 86_400_000_000
    world.now_us = (world.now_us // day_us + 1) * day_us + 9 * 3_600_000_000


def _put(world: World, size: int, among: int, *, commits: bool = True) -> CampaignDraft:
    _wait_for_noon(world)
    draft = CampaignDraft(world.ledger, fields={"on_unknown": "hold"}, max_recipients=size)
    for n in range(among):
        draft.start_message(
            MessageRequest(name=f"Bill {n}", alphaname_id="123", text=None, recipients={})
        )
        for i in range(n, size, among):
            draft.add(phone(i), f"You owe {i} roubles, please pay until Friday")
    if commits:
        draft.commit(Idempotency())
    return draft


def _take(world: World) -> Claim:
    claim = world.take()
    assert isinstance(claim, Claim)
    return claim


def _work_off(world: World) -> None:
    while world.ledger.recover(limit=500, max_attempts=8, plan=PLAN)[0]:
        pass


def _send(world: World, size: int, among: int) -> None:
    """Accepted, known by its receipt, polled, given up, purged."""
    [job] = _put(world, size, among).launched
    world.ledger.settle(_take(world), ACCEPTED, PLAN)
    rows = [{"name": f"Bill {n}", "message_id": 10 + n} for n in range(among)]
    matching = Matching(world.scripts, world.polls, PLAN)
    for _ in range(2):
        matching.take_receipt(job, json.dumps({"messages": rows}).encode(), None)
    matching.write(job, {0: 10}, what="looked up")
    world.pass_s(10)
    world.polls.find_due(limit=500)
    for page in range(3):
        claim = world.take()
        if not isinstance(claim, PollClaim):
            break
        rows_of = range(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
        reports = [ReportRow(phone(i), "Sent", "2026-11-24 12:00:00") for i in rows_of]
        next_offset = claim.offset + PAGE_ROWS
        world.polls.apply_page(claim, reports, next_offset=next_offset, next_in_s=60)
    world.pass_s(PLAN.horizon_ms / 1000 + 60)
    _work_off(world)
    assert world.state(job) is JobState.DONE
    world.pass_s(worlds.RETENTION_MS / 1000 + 60)
    _work_off(world)
    assert not world.redis.exists(world.keys.job(job), world.keys.message(job, 1))


def _refuse(world: World, size: int, among: int) -> None:
    _put(world, size, among)
    world.ledger.settle(_take(world), REFUSED, PLAN)
    _work_off(world)


def _cancel(world: World, size: int, among: int) -> None:
    """Called off after an attempt that the cap counted."""
    draft = _put(world, size, among)
    later = Verdict(state=JobState.WAITING, delay_s=1, error="503", error_class="temporary")
    world.ledger.settle(_take(world), later, PLAN)
    world.brakes.cancel(draft.id, by="me@here")
    world.align()
    _work_off(world)


def _doubt(world: World, size: int, among: int) -> None:
    """An attempt that was lost, and settled by an operator; another, by its lease."""
    for what in ("failed", "accepted"):
        [job] = _put(world, size, among).launched
        _take(world)
        world.pass_s(60)
        _work_off(world)
        plan = (PLAN.first_ms, PLAN.horizon_ms)
        world.scripts.run("operate", job, what, "me@here", "", *plan)
        _work_off(world)


def _sweep(world: World, size: int, among: int) -> None:
    draft = _put(world, size, among, commits=False)
    if not draft.job_ids:
        draft._stage()
    draft.discard()
    while world.ledger.sweep():
        pass

"""Lives of jobs of any size, with every script call measured; see tests/smsq/tours.py.

In:  a ledger, and a size. Out: what each script's dearest call took.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import phonenumbers
from redis import Redis

import smsq.store.scripts
import tests.smsq.world as worlds
from smsq.campaigns.draft import CampaignDraft
from smsq.delivery.matching import Matching
from smsq.domain.outcomes import Verdict
from smsq.models import JobState, MessageRequest, ReportRow
from smsq.records.jobs import Claim, Idempotency, PollClaim
from tests.smsq.world import PLAN, World

ACCEPTED = Verdict(state=JobState.ACCEPTED, gateway_fields={"uuid": "u"})
REFUSED = Verdict(state=JobState.REJECTED, error="no", error_class="refused")
PAGE_ROWS = 1000


@dataclass(slots=True)
class Dearest:
    """What a script's calls cost at most.

    Attributes:
        took_ms: Wall time, as Redis counts it: other processes of the machine are in it.
        processor_ms: Of Redis' main thread, what measuring costs included.
        busy_ms: The lesser of the two in one call.
    """

    calls: int = 0
    commands: int = 0
    took_ms: float = 0.0
    processor_ms: float = 0.0
    busy_ms: float = 0.0


@dataclass(slots=True)
class Meter:
    """Counts the commands that each script call runs, and the time that it takes of Redis.

    Attributes:
        is_timed: False for commands alone.
    """

    is_timed: bool = True
    scripts: dict[str, Dearest] = field(default_factory=lambda: defaultdict(Dearest))

    def install(self) -> type[smsq.store.scripts.Scripts]:
        """Make a `Scripts` that is measured."""
        meter = self

        class Measured(smsq.store.scripts.Scripts):
            def run(self, name: str, *args: Any, client: Any = None) -> Any:
                if client is not None:
                    return super().run(name, *args, client=client)
                before, before_us, before_s = _used(self.redis, is_timed=meter.is_timed)
                answer = super().run(name, *args)
                after, after_us, after_s = _used(self.redis, is_timed=meter.is_timed)
                one = meter.scripts[name]
                one.calls += 1
                one.commands = max(one.commands, after - before)
                took_ms, processor_ms = (after_us - before_us) / 1000, (after_s - before_s) * 1000
                one.took_ms = max(one.took_ms, took_ms)
                one.processor_ms = max(one.processor_ms, processor_ms)
                one.busy_ms = max(one.busy_ms, min(took_ms, processor_ms))
                return answer

        return Measured


def _used(redis: Any, *, is_timed: bool) -> tuple[int, float, float]:
    """What Redis counted so far: commands, microseconds in scripts, seconds of its main thread.

    Redis' text is read as it is: redis-py would take longer over it than most scripts take. So
    would Redis itself over the times, where only commands are asked for.
    """
    sections = ("stats", "commandstats", "cpu") if is_timed else ("stats",)
    said: str = _plain(redis).execute_command("INFO", *sections)
    commands = re.search(r"^total_commands_processed:(\d+)", said, re.MULTILINE)
    scripts_us = re.search(r"^cmdstat_evalsha:calls=\d+,usec=(\d+)", said, re.MULTILINE)
    used = re.findall(r"^used_cpu_(?:user|sys)_main_thread:(\S+)", said, re.MULTILINE)
    assert commands
    return int(commands[1]), float(scripts_us[1] if scripts_us else 0), sum(map(float, used))


@cache
def _plain(redis: Any) -> Any:
    """The same connections without redis-py's reading of INFO."""
    plain = Redis(connection_pool=redis.connection_pool)
    del plain.response_callbacks["INFO"]
    return plain


@cache
def _heads() -> list[str]:
    """What phones of each region of the world begin with."""
    examples = [
        phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    ]
    numbers = [f"{one.country_code}{one.national_number}" for one in examples if one]
    return sorted({number[:-4] for number in numbers if len(number) >= 9})


def phone(i: int) -> str:
    """Spread over their shards; every tenth abroad, in all regions of the world."""
    if i % 10:
        return f"37529{1_000_000 + i * 37}"
    number, head = divmod(i // 10, len(_heads()))
    return f"{_heads()[head]}{number * 7 % 10_000:04}"


def all_scripts() -> set[str]:
    """The names of all scripts that can be run; the other files are parts of them."""
    parts = {*smsq.store.scripts._BASE, *smsq.store.scripts._PARTS, "publish", "rights"}
    return smsq.store.scripts.find_files().keys() - parts


def wait_for_noon(world: World) -> None:
    """Quiet hours are over wherever the recipients are."""
    day_us = 86_400_000_000
    world.now_us = (world.now_us // day_us + 1) * day_us + 9 * 3_600_000_000


def put(
    world: World, size: int, among: int, *, commits: bool = True, starts_in_s: int = 0
) -> CampaignDraft:
    """One job of so many recipients, divided among so many messages."""
    wait_for_noon(world)
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=size)
    for n in range(among):
        draft.start_message(
            MessageRequest(
                name=f"Bill {n}",
                alphaname_id="123",
                text=None,
                recipients={},
                schedule_time="2020-12-24T12:00:00" if starts_in_s else None,
                starts_at_ms=world.now_ms + 1000 * starts_in_s if starts_in_s else 0,
            )
        )
        for i in range(n, size, among):
            draft.add(phone(i), f"You owe {i} roubles, please pay until Friday", f"row-{i}")
    if commits:
        draft.commit(Idempotency())
    return draft


def take_job(world: World) -> Claim:
    """Claim what waits, all slices of it."""
    claim = world.take()
    assert isinstance(claim, Claim)
    return claim


def work_off(world: World) -> None:
    """Have recover do all that is due."""
    while world.claims.recover(limit=500, max_attempts=8, plan=PLAN)[0]:
        pass


def send(world: World, size: int, among: int) -> None:
    """Accepted, known by its receipt, polled, given up, purged."""
    [job] = put(world, size, among).launched
    world.claims.settle(take_job(world), ACCEPTED, PLAN)
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
    work_off(world)
    assert world.state(job) is JobState.DONE
    world.pass_s(worlds.RETENTION_MS / 1000 + 60)
    work_off(world)
    assert not world.redis.exists(world.keys.job(job), world.keys.message(job, 1))


def refuse(world: World, size: int, among: int) -> None:
    """Refused by the gateway."""
    put(world, size, among)
    world.claims.settle(take_job(world), REFUSED, PLAN)
    work_off(world)


def cancel(world: World, size: int, among: int) -> None:
    """Called off after an attempt that the cap counted."""
    draft = put(world, size, among)
    later = Verdict(state=JobState.WAITING, delay_s=1, error="503", error_class="temporary")
    world.claims.settle(take_job(world), later, PLAN)
    world.brakes.cancel(draft.id, by="me@here")
    world.align()
    work_off(world)


def lose_answers(world: World, size: int, among: int) -> None:
    """An attempt that was lost, and settled by an operator; another, by its lease."""
    for what in ("failed", "accepted"):
        [job] = put(world, size, among).launched
        take_job(world)
        world.pass_s(60)
        work_off(world)
        plan = (PLAN.first_ms, PLAN.horizon_ms)
        world.scripts.run("stuck_job", job, what, "me@here", "", *plan)
        work_off(world)


def sweep(world: World, size: int, among: int) -> None:
    """A draft that was given up."""
    draft = put(world, size, among, commits=False)
    if not draft.job_ids:
        draft._stage()
    draft.discard()
    while world.staging.sweep():
        pass

"""Keys: one place names them, the scripts build the same, and none stays for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.errors import NotFoundError
from smsq.intake.new_jobs import digest
from smsq.models import JobState, Kind, MessageRequest, ReportRow
from smsq.names import PRIORITIES
from smsq.records.buckets import BUCKET_PHONES, bucket_of, count_buckets
from smsq.records.jobs import Claim, Idempotency
from smsq.store.keys import Keys
from smsq.store.scripts import find_files
from tests.smsq.measures.measured import forget_measures
from tests.smsq.world import PLAN, RETENTION_MS, World

KEYS = Keys("{shop}")
LUA = find_files()["lib"].read_text(encoding="utf-8")


def test_every_key_stands_below_the_namespace() -> None:
    names = [
        KEYS.job("j1"),
        KEYS.message("j1", 2),
        KEYS.recipients("j1", 2, 0),
        KEYS.receipts("j1"),
        KEYS.campaign("c1"),
        KEYS.campaign_jobs("c1"),
        KEYS.ready("urgent"),
        KEYS.idempotency("d"),
        KEYS.counts,
        KEYS.due,
        KEYS.polls,
        KEYS.limiter,
        KEYS.heartbeat,
        KEYS.workers,
        KEYS.versions,
        KEYS.disk,
        KEYS.events,
        KEYS.webhook,
        KEYS.delivery("1-0"),
        KEYS.deliveries,
        KEYS.dead_deliveries,
    ]

    assert len(set(names)) == len(names)
    assert all(name.startswith("{shop}:") for name in names)


def test_the_scripts_list_names_every_key_that_python_reads() -> None:
    listed = set(re.findall(r"(?:^--   |; )([a-z_]+)(?=:| )", LUA, re.M))
    python = {
        name.removeprefix("{shop}:").split(":")[0]
        for name in (
            KEYS.job("x"),
            KEYS.message("x", 1),
            KEYS.recipients("x", 1, 1),
            KEYS.receipts("x"),
            KEYS.campaign("x"),
            KEYS.campaign_jobs("x"),
            KEYS.ready("x"),
            KEYS.idempotency("x"),
            KEYS.counts,
            KEYS.due,
            KEYS.polls,
            KEYS.limiter,
            KEYS.workers,
            KEYS.versions,
            KEYS.disk,
            KEYS.events,
            KEYS.webhook,
            KEYS.delivery("1-0"),
            KEYS.deliveries,
            KEYS.dead_deliveries,
        )
    }

    assert python <= listed, python - listed


@given(st.integers(0, 1_000_000))
def test_buckets_are_as_few_as_hold_the_phones(phones: int) -> None:
    buckets = count_buckets(phones)

    assert buckets >= 1
    assert buckets * BUCKET_PHONES >= phones
    assert (buckets - 1) * BUCKET_PHONES < max(phones, 1)


def test_nothing_that_a_campaign_wrote_outlives_its_retention(world: World) -> None:
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=9)
    for name, text in (("Sale", "Half price"), ("Bills", None)):
        draft.start_message(MessageRequest(name=name, alphaname_id="1", text=text, recipients={}))
        for i in range(12):
            draft.add(f"37529{1234567 + i}", None if text else f"You owe {i}")
    draft.commit(Idempotency(key=digest("k")))
    for state in (JobState.DEAD, JobState.ACCEPTED, JobState.UNKNOWN):
        claim = world.take()
        assert isinstance(claim, Claim)
        world.claims.settle(claim, Verdict(state=state), PLAN)
        ids = {1: 501, 2: 502} if state is not JobState.DEAD else {}
        world.polls.apply_receipt(claim.job_id, b"{}", ids, unmatched=1, plan=PLAN)
    world.pass_s(5)
    while poll := world.find_and_claim_poll():
        rows = [ReportRow(f"37529{1234567 + i}", "sent", None) for i in range(0, 12, 2)]
        world.polls.apply_page(poll, rows, next_offset=0, next_in_s=1_000_000)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()
    assert world.views.status(draft.id).is_final
    world.pass_s(RETENTION_MS / 1000)
    world.recover()

    with pytest.raises(NotFoundError):
        world.views.status(draft.id)
    left = list(world.redis.scan_iter(f"{world.keys.namespace}:*"))
    for_ever = {key for key in forget_measures(left) if world.redis.ttl(key) == -1}
    bounded = {world.keys.counts, world.keys.due, world.keys.polls, world.keys.limiter}
    bounded |= {world.keys.ready(priority) for priority in PRIORITIES}
    assert for_ever <= bounded, for_ever - bounded
    assert not any(world.views.stats(10).jobs.values())
    assert not any(world.views.stats(10).recipients.values())


def test_python_and_the_scripts_look_for_a_phone_in_the_same_bucket(world: World) -> None:
    phones = [f"37529{1_000_000 + 977 * i}" for i in range(1000)]
    job = world.enqueue(kind=Kind.BULK, phones=phones)
    buckets = count_buckets(len(phones))

    for phone in phones:
        key = world.keys.recipients(job, 1, bucket_of(phone, buckets))
        assert world.redis.hexists(key, phone)

"""Recover finishes what a dead producer decided, and takes away what it only began."""

from __future__ import annotations

import pytest

from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.models import JobState, MessageRequest
from smsq.names import RING_SPREAD, Queue
from smsq.queue import SmsQueue
from smsq.records.jobs import Idempotency
from smsq.steps.recover import recover_due
from smsq.steps.resources import Resources

SALE = MessageRequest(name="Sale", alphaname_id="123", text="hi", recipients={})


def draft_of(staging: Staging, phones: int) -> CampaignDraft:
    draft = CampaignDraft(staging, fields={"on_unknown": "hold"}, max_recipients=1)
    draft.start_message(SALE)
    for i in range(phones):
        draft.add(str(375291234000 + i), None)
    return draft


def test_a_campaign_whose_producer_died_is_launched_and_rung(
    resources: Resources, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(resources.staging, 250)
    with monkeypatch.context() as patched:
        patched.setattr(Staging, "launch", lambda *_: iter(()))  # it died right after the commit
        campaign = draft.commit(Idempotency())
    ready = resources.keys.ready("bulk")

    recover_due(resources)
    assert resources.redis.zcard(ready) == 0  # its producer may still be at it
    resources.redis.zadd(f"{resources.keys.namespace}:launching", {campaign: 0})
    recover_due(resources)

    assert resources.redis.zcard(ready) == 250
    rung = resources.rings.count_waiting(Queue.BULK)
    assert 3 <= rung <= 3 * RING_SPREAD  # 100, 100, 50
    assert queue.status(campaign).state is JobState.QUEUED
    recover_due(resources)
    assert resources.rings.count_waiting(Queue.BULK) == rung


def test_a_draft_that_was_left_behind_is_taken_away(resources: Resources) -> None:
    draft = draft_of(resources.staging, 250)
    namespace = resources.keys.namespace

    recover_due(resources)
    assert len(list(resources.redis.scan_iter(f"{namespace}:job:*"))) == 250
    resources.redis.zadd(f"{namespace}:drafts", {f"{draft.id}|{draft.id}": 0})
    recover_due(resources)

    for name in ("job", "message", "recipients", "draft", "staged"):
        assert not list(resources.redis.scan_iter(f"{namespace}:{name}*")), name

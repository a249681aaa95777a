"""SMSQ_SMART_TEXT: every way in writes texts plainly where that saves parts."""

from __future__ import annotations

import pytest

from smsq.models import BulkMessage, PersonalMessage
from smsq.queue import SmsQueue
from smsq.records.jobs import Claim
from tests.smsq.world import World

PHONE = "375291234567"
TEXT = "“Half price” – today" + " only" * 15
PLAIN = '"Half price" - today' + " only" * 15


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"SMSQ_SMART_TEXT": "1"}


def test_each_way_in_writes_them_plainly(queue: SmsQueue, world: World) -> None:
    queue.send_quick(PHONE, TEXT)
    queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=[PHONE])])
    queue.send_bulk([PersonalMessage(name="Bills", texts=[(PHONE, TEXT)])])
    world.pass_s(1e9)

    found = set()
    while isinstance(claim := world.take(), Claim):
        found |= {m.text or next(iter(m.recipients.values())) for m in claim.messages}
        world.ledger.cancel(claim.job_id)
    assert found == {PLAIN}

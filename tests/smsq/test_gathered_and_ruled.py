"""Gathered sends under the rules of sending: withheld, held back, capped, each for itself."""

from __future__ import annotations

from dataclasses import replace

from smsq.jobs import Idempotency
from smsq.models import RecipientState, ReportRow
from tests.smsq.test_gathering import close, job_of, new_send, phone
from tests.smsq.world import ACCEPTED, PLAN, World


def test_each_send_of_a_large_job_has_its_own_status(world: World) -> None:
    """A thousand may be gathered, so their job has many buckets."""
    own = []
    for n in range(0, 300, 30):
        send = replace(new_send(world, n), most=1000)
        own.append((n, world.ledger.gather(send, Idempotency())[1]))
    close(world)
    world.ledger.settle(world.claim(job_of(own[0][1])), ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow(phone(n), "delivered", None) for n, _ in own]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=60)

    for n, own_id in own:
        assert world.views.status(own_id).counts == {RecipientState.DELIVERED: 1}
        assert [r.phone for r in world.views.recipients(own_id)] == [phone(n)]

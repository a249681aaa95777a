"""What `/metrics` shows."""

from __future__ import annotations

import smsq
from smsq.domain.account import Endpoint
from smsq.errors import TemporaryError
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace, Slot
from smsq.store.scripts import Scripts
from worker.metrics import render


def test_metrics_count_jobs_and_recipients_by_state(queue: smsq.SmsQueue) -> None:
    job = queue.send_quick("+375291234567", "Your code is 4821")
    queue.send_bulk([smsq.BulkMessage(name="Sale", text="hi", phones=["375291234567"])])
    queue.cancel(job)

    text = render(queue.stats()).decode()

    assert 'smsq_jobs{state="queued"} 1.0' in text
    assert 'smsq_jobs{state="cancelled"} 1.0' in text
    assert 'smsq_recipients{state="pending"} 2.0' in text
    assert "smsq_oldest_waiting_seconds" in text
    assert "4821" not in text
    assert job not in text


def test_metrics_name_each_endpoint_that_is_closed(queue: smsq.SmsQueue, scripts: Scripts) -> None:
    limiter = Limiter(scripts, Pace(rate_per_s=10, burst=1))
    slot = Slot(wait_s=0, epoch=limiter.epoch())
    for endpoint in (Endpoint.BULK, Endpoint.POLL):
        for n in range(3):
            failure = TemporaryError("500", status=500)
            limiter.hear(slot, failure, who=f"j{n}", endpoint=endpoint)

    text = render(queue.stats()).decode()

    assert 'smsq_gate_closed_seconds{why="sendBulkSms: the gateway fails: 500"}' in text
    assert 'smsq_gate_closed_seconds{why="getSmsDeliveryList: the gateway fails: 500"}' in text
    assert 'why="sendQuickSMS' not in text

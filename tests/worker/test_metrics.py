"""What `/metrics` shows."""

from __future__ import annotations

import smsq
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

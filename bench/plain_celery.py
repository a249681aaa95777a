"""The peer: what people write without smsq. One Celery task per message, requests, autoretry.

In:  a gateway's limit. Out: how much of it was used, and how many requests were rejected.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import requests
from celery import Celery

from bench.harness import ROOT, bed, phone

app = Celery("plain", broker=os.environ.get("PLAIN_BROKER_URL", "redis://127.0.0.1:1/0"))
app.conf.update(
    # Most keep a task's result where its message was.
    result_backend=os.environ.get("PLAIN_RESULT_URL"),
    worker_concurrency=8,
    worker_pool="threads",
    broker_connection_retry_on_startup=True,
)


@app.task(
    autoretry_for=(requests.RequestException,),
    retry_backoff=True,
    max_retries=None,
    acks_late=True,
    reject_on_worker_lost=True,
)
def send(to: str, text: str) -> None:
    """Send one SMS."""
    answer = requests.post(
        os.environ["SMSQ_GATEWAY_URL"] + "/api/v1/sendQuickSMS",
        params={
            "token": os.environ["SMSQ_GATEWAY_TOKEN"],
            "message": text,
            "phone": to,
            "alphaname_id": "123",
        },
        timeout=15,
    )
    answer.raise_for_status()


def run(
    gateway: Sequence[str], *, messages: int, workers: int, limit_per_s: float
) -> tuple[float, float]:
    """Send so many messages; returns the share of the limit used, and of requests rejected."""
    with bed(gateway, workers=0) as b, tempfile.TemporaryFile() as log:
        broker = f"redis://127.0.0.1:{b.stack.ports['redis']}/5"
        environ = b.stack.environ | {"PLAIN_BROKER_URL": broker}
        command = [sys.executable, "-m", "celery", "-A", "bench.plain_celery", "worker"]
        processes = [
            subprocess.Popen(
                [*command, "--hostname", f"plain{n}@%h"],
                cwd=ROOT,
                env=environ,
                stdout=log,
                stderr=log,
            )
            for n in range(workers)
        ]
        try:
            producer = Celery("producer", broker=broker)
            for n in range(messages):
                producer.send_task("bench.plain_celery.send", [phone(n), "code"])
            until_s = time.monotonic() + 300
            while len(b.gateway.accepted()) < messages and time.monotonic() < until_s:
                time.sleep(1)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()
        rows = b.requests()
        taken = [at for at, _, status in rows if status == 200]
        used = (len(taken) - 1) / (limit_per_s * (max(taken) - min(taken)))
        return used, sum(status == 429 for _, _, status in rows) / len(rows)

"""Flask below gunicorn, FastAPI below uvicorn: every id is unique, and none is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

import smsq
from tests.support import DEADLINE_S, free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.real_redis]

REQUESTS, VISITORS, WORKERS = 300, 24, 3

FLASK = """
import os
from flask import Flask, request
from smsq.contrib.flask import Smsq

sms = Smsq()

def create_app():
    app = Flask(__name__)
    sms.init_app(app)

    @app.post("/send")
    def send():
        job = sms.queue.send_quick(request.form["phone"], "code", key=request.form["phone"])
        return {"id": job, "pid": os.getpid()}

    return app
"""

FASTAPI = """
import os
from typing import Annotated
from fastapi import FastAPI, Form
from smsq.contrib.fastapi import Sms, lifespan

app = FastAPI(lifespan=lifespan())

@app.post("/send")
async def send(sms: Sms, phone: Annotated[str, Form()]) -> dict[str, str | int]:
    return {"id": await sms.send_quick(phone, "code", key=phone), "pid": os.getpid()}
"""

GUNICORN = ("-m", "gunicorn", "--preload", "--workers", f"{WORKERS}")
SERVERS = {
    "gunicorn with threads": (
        FLASK,
        (*GUNICORN, "--worker-class", "gthread", "--threads", "8", "shop:create_app()", "--bind"),
    ),
    "gunicorn with gevent": (
        FLASK,
        (*GUNICORN, "--worker-class", "gevent", "shop:create_app()", "--bind"),
    ),
    "uvicorn": (FASTAPI, ("-m", "uvicorn", "shop:app", "--workers", f"{WORKERS}", "--port")),
}


@contextmanager
def serve(name: str, folder: Path) -> Iterator[str]:
    """Start a server on a free port; it has ended in order afterwards."""
    source, command = SERVERS[name]
    (folder / "shop.py").write_text(source)
    port = free_port()
    where = f"{port}" if command[-1] == "--port" else f"127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command, where], cwd=folder, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or is_up(url), f"{name} answers")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(DEADLINE_S)
    said = (folder / "log").read_text()
    assert code == 0, said
    assert "Traceback" not in said, said


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 404
    except requests.RequestException:
        return False


@pytest.mark.parametrize("name", SERVERS)
def test_every_id_is_unique_and_none_is_lost(
    name: str,
    tmp_path: Path,
    environ: dict[str, str],
    queue: smsq.SmsQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    with serve(name, tmp_path) as url, ThreadPoolExecutor(VISITORS) as visitors:

        def visit(n: int) -> tuple[str, int]:
            form = {"phone": f"37529{1234000 + n}"}
            answer = requests.post(f"{url}/send", data=form, timeout=DEADLINE_S).json()
            return answer["id"], answer["pid"]

        answers = list(visitors.map(visit, range(REQUESTS)))

    ids, pids = {each for each, _ in answers}, Counter(pid for _, pid in answers)
    assert len(ids) == REQUESTS
    assert len(pids) > 1
    assert queue.stats().jobs[smsq.JobState.QUEUED] == REQUESTS
    phones = {row.phone for each in ids for row in queue.recipients(each)}
    assert len(phones) == REQUESTS

"""docs/testing.md: its snippets are tests of a shop and pass, its tables are those of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smsq.simulator.faults import MEANINGS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)

#: A shop as many are: its queue is made at import.
SHOP = """
import secrets

import smsq
from flask import Flask, request

app = Flask(__name__)
queue = smsq.SmsQueue.from_env()
codes = {}


def send_code(phone):
    code = f"{secrets.randbelow(10**6):06}"
    queue.send_quick(phone, f"Your code is {code}", priority="urgent", expires_in_s=300)
    codes[code] = phone


@app.post("/otp")
def otp():
    try:
        send_code(request.form["phone"])
    except smsq.InvalidMessageError:
        return {"ok": False}, 400
    except smsq.QueueUnavailableError:
        return {"ok": False}, 503
    return {"ok": True}


@app.post("/otp/verify")
def verify():
    return {"ok": request.form["code"] in codes}
"""

CONFTEST = """
import pytest
import shop


@pytest.fixture
def client():
    return shop.app.test_client()
"""


@pytest.mark.long
def test_the_snippets_pass_in_a_shop_and_in_parallel(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    [settings, *snippets] = SNIPPETS
    assert settings.startswith("# conftest.py\n")
    (tmp_path / "conftest.py").write_text(settings + CONFTEST, encoding="utf-8")
    for n, snippet in enumerate(snippets):
        text = f"from shop import send_code, queue\n{snippet}"
        (tmp_path / f"test_snippet_{n}.py").write_text(text, encoding="utf-8")
    # Nobody listens there: what went astray would fail.
    environ = {"SMSQ_REDIS_URL": "redis://127.0.0.1:9/0"}
    options = ["-n", "2", "-q", "-W", "error", "-p", "smsq.testing.plugin", "-p", "no:smsq"]

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    tests = sum(len(re.findall(r"^ *def test_", snippet, re.M)) for snippet in SNIPPETS)
    assert f"{tests} passed" in ended.stdout


def test_every_magic_number_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\d{4})` \| (.*) \|$", PAGE, re.M)

    assert dict(rows) == MEANINGS
    assert len(rows) == len(MEANINGS)

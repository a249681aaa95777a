"""`smsq audit`: who did what, and whether the trail is whole."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from smsq.audit.audit import Audit
from smsq.queue import SmsQueue
from smsq.store.scripts import Scripts

Smsq = Callable[..., Result]
SmsqJson = Callable[..., Any]


def test_acts_are_listed_with_the_person_the_newest_first(
    smsq: Smsq, smsq_json: SmsqJson, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "boss")
    job = queue.send_quick("375291234567", "Your code is 4821")
    assert smsq("pause").exit_code == 0
    assert smsq("resume").exit_code == 0
    queue.cancel(job, by="support:maria")

    entries = smsq_json("audit")["entries"]
    assert [entry["act"] for entry in entries] == ["cancel", "resume", "pause"]
    assert entries[0]["by"] == "support:maria"
    assert entries[0]["target"] == job
    user = pwd.getpwuid(os.getuid()).pw_name
    assert entries[2]["by"].startswith(f"{user}@")
    assert "4821" not in str(entries)
    assert "375291234567" not in str(entries)
    told = smsq("audit", "--by", "support:maria").output
    assert "cancel" in told
    assert "resume" not in told


def test_a_trail_that_is_whole_says_so_with_its_head(smsq: Smsq, smsq_json: SmsqJson) -> None:
    smsq("pause")
    found = smsq_json("audit", "--verify")
    assert found["whole"]
    assert found["entries"] == 1
    smsq("resume")
    assert smsq("audit", "--verify", "--head", found["head"]).exit_code == 0


def test_an_entry_that_is_gone_ends_it_with_1(smsq: Smsq, scripts: Scripts) -> None:
    for act in ("pause", "resume", "pause"):
        smsq(act)
    audit = Audit(scripts)
    middle = audit.read()[1]
    scripts.redis.xdel(scripts.keys.audit, middle.id)

    found = smsq("audit", "--verify")
    assert found.exit_code == 1
    assert "the trail is not whole" in found.output


def test_what_goes_together_is_told(smsq: Smsq) -> None:
    assert smsq("audit", "--head", "1-1:ab").exit_code == 2
    assert smsq("audit", "--act", "dance").exit_code == 2
    assert "nothing is written down" in smsq("audit").output

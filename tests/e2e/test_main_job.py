"""The main job, end to end: enqueue, send, poll, delivered; the gateway's own book is the judge."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smsq.domain.outcomes import read_gateway_word
from smsq.models import QuickMessage, RecipientState
from tests.conftest import HAS_REDIS
from tests.e2e.conftest import ROOT, Deploy, Deployment
from tests.support import wait_until

#: fakeredis takes thirty times as long.
QUICK, ROWS = (500, 2500) if HAS_REDIS else (20, 60)


def phone(n: int) -> str:
    """The nth phone; none ends in digits that the simulator has faults for."""
    return f"37529{100 + n // 9000}{1000 + n % 9000}"


def smsq(deployment: Deployment, *args: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "smsq.cli", *args, "--json"],
        cwd=ROOT,
        env=deployment.environ,
        capture_output=True,
        check=True,
        timeout=120,
    )
    return json.loads(ran.stdout)


def write_csv(path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["phone", "text"])
        rows.writerows([phone(5000 + n), f"Счёт {n}: 5 BYN"] for n in range(ROWS))


#: Without its 502 and 504: whom they leave in doubt is the matter of `python -m bench.rough`.
ROUGH = ("--world", "rough", "--fault", "busy=0.02")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("world", [(), pytest.param(ROUGH, marks=pytest.mark.slow)])
def test_every_recipient_ends_final_and_was_accepted_exactly_once(
    deploy: Deploy, tmp_path: Path, world: tuple[str, ...]
) -> None:
    write_csv(tmp_path / "bills.csv")
    options = ("--undelivered-share", "0.1", *world)
    with deploy(*options, workers=2, has_web=True, SMSQ_POLL_MAX_S="5") as deployment:
        codes = deployment.queue.send_quick_many(
            QuickMessage(phone=phone(n), text=f"Your code is {n}", priority="urgent")
            for n in range(QUICK)
        )
        bills = smsq(
            deployment,
            *("send-bulk", str(tmp_path / "bills.csv"), "--name", "Bills", "--text-column", "text"),
        )
        assert (bills["recipients"], bills["rejected"]) == (ROWS, 0)
        stats = deployment.queue.stats
        wait_until(
            lambda: (
                sum(stats().recipients.values()) == QUICK + ROWS
                and not stats().recipients[RecipientState.PENDING]
                and not stats().recipients[RecipientState.SENT]
            ),
            "every recipient is final",
            deadline_s=500 if world else 100,
        )

        accepted = deployment.gateway.accepted()
        assert len(accepted) == QUICK + ROWS
        assert set(accepted.values()) == {1}
        campaign = smsq(deployment, "status", bills["id"], "--recipients")
        assert all(message["message_id"] for message in campaign["messages"])
        book = {
            p: word for words in deployment.gateway.states().values() for p, word in words.items()
        }
        ours = {row["phone"]: row["state"] for row in campaign["recipients"]}
        for job in codes:
            [recipient] = deployment.queue.recipients(job)
            ours[recipient.phone] = recipient.state
        assert ours == {number: read_gateway_word(word) for number, word in book.items()}
        assert set(ours.values()) == {"delivered", "undelivered"}

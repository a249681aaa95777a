"""Opt-outs, end to end: who writes STOP before the request is not in the gateway's book."""

from __future__ import annotations

import subprocess
import sys

from smsq.models import BulkMessage, JobState, RecipientState
from tests.e2e.conftest import ROOT, Deploy
from tests.support import wait_until

# None of the phones ends in digits that the simulator has faults for.
SIZE, OUT = 60, 20


def test_who_opts_out_before_the_request_gets_nothing_but_codes(deploy: Deploy) -> None:
    phones = [f"37529{3001000 + n}" for n in range(SIZE)]
    gone = phones[::2][:OUT]
    with deploy(has_web=True, SMSQ_BULK_MAX_RECIPIENTS="20") as deployment:
        queue = deployment.queue
        deployment.controls.pause()
        sale = BulkMessage(name="Sale", text="Sale today", phones=phones)
        campaign = queue.send_bulk([sale])
        lost = queue.send_bulk([BulkMessage(name="Lost", text="For nobody", phones=gone)])
        imported = subprocess.run(
            [sys.executable, "-m", "smsq.cli", "optout", "import", "-"],
            cwd=ROOT,
            env=deployment.environ,
            input="\n".join(gone),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert imported.stdout == f"{OUT} phones added\n"
        code = queue.send_quick(gone[0], "Your code is 4821", priority="urgent")
        reminder = queue.send_quick(gone[1], "Your appointment is at 9:00")
        deployment.controls.resume()
        ids = (campaign, lost, code, reminder)
        wait_until(lambda: all(queue.status(i).is_final for i in ids), "all is final")

        accepted = deployment.gateway.accepted()
        to = [phone for phone, text in accepted if text == "Sale today"]
        assert sorted(to) == sorted(set(phones) - set(gone))
        assert [key for key in accepted if key[1] != "Sale today"] == [
            (gone[0], "Your code is 4821")
        ]
        counts = queue.status(campaign).counts
        assert counts[RecipientState.WITHHELD] == OUT
        assert sum(counts.values()) == SIZE
        for some_id in (lost, reminder):
            status = queue.status(some_id)
            assert (status.state, status.attempts) == (JobState.DONE, 0)
            assert set(status.counts) == {RecipientState.WITHHELD}

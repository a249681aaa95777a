"""Flower beside workers: a row for each job, which ends as the job's request did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from smsq.models import BulkMessage, JobState
from smsq.names import Task
from tests.e2e.conftest import Deploy, Deployment, read_flower
from tests.support import wait_until

PHONE = "37529739"  # and four digits that the simulator answers by
TEXT = "canary-text-58213"
GOOD = 300


@pytest.fixture(scope="module")
def shown(deploy: Deploy) -> Iterator[tuple[Deployment, dict[str, str]]]:
    """Some hundred messages through two workers; ids by what happens to them."""
    with deploy(workers=2, has_flower=True, SMSQ_TIMEOUT_S="1") as deployment:
        queue = deployment.queue
        read_flower(deployment, "/api/workers?refresh=1")
        ids = {
            suffix: queue.send_quick(f"{PHONE}{suffix}", f"{TEXT} {suffix}")
            for suffix in ("0400", "0408", "0429")
        }
        ids |= {f"good {n}": queue.send_quick(f"{PHONE}4567", f"{TEXT} {n}") for n in range(GOOD)}
        ids["bulk"] = queue.send_bulk(
            [BulkMessage(name="Sale", text=TEXT, phones=[f"{PHONE}4568"])]
        )
        rest = (JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING)
        wait_until(lambda: not any(queue.stats().jobs[state] for state in rest), "all are settled")
        wait_until(lambda: len(rows(deployment)) >= GOOD + 4, "Flower knows them")
        yield deployment, {what: str(some_id) for what, some_id in ids.items()}


def rows(deployment: Deployment) -> dict[str, Any]:
    return dict(json.loads(read_flower(deployment, "/api/tasks?limit=10000")))


def test_each_job_has_one_row_and_nothing_else_has(
    shown: tuple[Deployment, dict[str, str]],
) -> None:
    deployment, ids = shown
    names = Counter(row["name"] for row in rows(deployment).values())

    assert names == {f"{Task.SEND_QUICK}.normal": GOOD + 3, f"{Task.SEND_BULK}.bulk": 1}
    assert {ids[what] for what in ids if what != "bulk"} <= set(rows(deployment))


def test_a_row_ends_as_its_job_did(shown: tuple[Deployment, dict[str, str]]) -> None:
    deployment, ids = shown
    found = rows(deployment)

    assert {found[ids[f"good {n}"]]["state"] for n in range(GOOD)} == {"SUCCESS"}
    assert found[ids["good 0"]]["result"].startswith("accepted parts=1 ")
    refused, unknown, busy = (found[ids[suffix]] for suffix in ("0400", "0408", "0429"))
    assert refused["state"] == unknown["state"] == "FAILURE"
    assert refused["exception"].startswith("rejected http_400 ")
    assert unknown["exception"].startswith("unknown no_answer ")
    assert busy["state"] == "SUCCESS"
    assert busy["retried"]


def test_list_and_pages_have_neither_phone_nor_text_nor_token(
    shown: tuple[Deployment, dict[str, str]],
) -> None:
    deployment, ids = shown
    pages = ["/api/tasks?limit=10000", "/tasks", "/workers", "/broker", "/metrics"]
    pages += [f"/task/{ids[what]}" for what in ("0400", "0408", "0429", "good 0")]
    for page in pages:
        text = read_flower(deployment, page)
        for secret in (PHONE, TEXT, deployment.environ["SMSQ_GATEWAY_TOKEN"]):
            assert secret not in text, page

"""`smsq history`: the last hours in numbers. What it answers at night: tests/monitoring."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from smsq.measures.keys import MeasureKeys
from smsq.measures.packing import pack
from smsq.store.scripts import Scripts
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]


def keep(scripts: Scripts, hours_ago: float, **fields: int) -> None:
    minute = int(time.time() // 60 - hours_ago * 60)
    packed = pack({name.replace("_", "|"): number for name, number in fields.items()})
    scripts.redis.set(MeasureKeys(scripts.keys.namespace).history(minute), packed)


def test_a_ledger_in_which_nothing_happened(smsq: Smsq, smsq_json: Json) -> None:
    assert "nothing was sent" in smsq("history").stdout
    document = smsq_json("history")
    assert (document["requests"], document["parts"], document["polls"]) == ([], {}, 0)
    assert all(row["request_p50_s"] is None for row in document["speeds"])


def test_hours_choose_what_is_counted(scripts: Scripts, smsq_json: Json) -> None:
    keep(scripts, 0.5, p_urgent=1)
    keep(scripts, 5, p_urgent=10)
    keep(scripts, 50, p_urgent=100)

    found = {hours: smsq_json("history", "--hours", hours)["parts"] for hours in ("1", "6", "72")}
    assert found == {"1": {"urgent": 1}, "6": {"urgent": 11}, "72": {"urgent": 111}}


def test_the_share_of_a_day_before_is_none_where_there_was_nothing(
    scripts: Scripts, smsq: Smsq, smsq_json: Json
) -> None:
    keep(scripts, 0.5, f_Shop_d=3, f_Shop_u=1, k_375_d=3, k_375_n=1)

    document = smsq_json("history")
    assert document["senders"] == [
        {
            "name": "Shop",
            "delivered": 3,
            "undelivered": 1,
            "no_report": 0,
            "share": 0.75,
            "day_before": None,
        }
    ]
    assert document["countries"][0]["no_report"] == 1
    keep(scripts, 0.4, q_q_accepted_5=4)
    assert "+375" in smsq("history").stdout


def test_two_times_at_once_are_refused(smsq: Smsq) -> None:
    for wrong in (("--hours", "2", "--today"), ("--hours", "0"), ("--hours", "73")):
        assert smsq("history", *wrong).exit_code == 2

"""Which process keeps which secret."""

from __future__ import annotations

import pytest

from smsq.environment.least.needs import NEEDS, Process, keep_own

EVERYTHING = {
    **dict.fromkeys(NEEDS, "x"),
    **{f"{name}_FILE": "/run/x" for name in NEEDS},
    "SMSQ_REDIS_URL": "redis://:password@redis:6379/0",
    "SMSQ_CALLBACK_URL": "https://sms.example",
    "SMSQ_WEBHOOK_URL": "https://shop.example",
    "PATH": "/bin",
}


@pytest.mark.parametrize(
    ("process", "own"),
    [
        (Process.WORKER, {"SMSQ_GATEWAY_TOKEN", "SMSQ_CALLBACK_SECRET"}),
        (
            Process.WEB,
            {
                *("SMSQ_CALLBACK_SECRET", "SMSQ_WEBHOOK_SECRET"),
                *("SMSQ_WEB_READERS", "SMSQ_WEB_OPERATORS"),
            },
        ),
        (Process.FLOWER, {"FLOWER_BASIC_AUTH"}),
        (Process.BEAT, set()),
    ],
)
def test_a_process_keeps_its_own_secrets_and_their_files(process: Process, own: set[str]) -> None:
    kept = keep_own(process, EVERYTHING)

    assert {name for name in NEEDS if name in kept} == own
    assert {name for name in NEEDS if f"{name}_FILE" in kept} == own
    assert {"PATH", "SMSQ_REDIS_URL"} <= kept.keys()


def test_what_is_of_no_use_without_its_secret_goes_with_it() -> None:
    assert "SMSQ_WEBHOOK_URL" not in keep_own(Process.WORKER, EVERYTHING)
    assert "SMSQ_CALLBACK_URL" in keep_own(Process.WORKER, EVERYTHING)
    assert "SMSQ_CALLBACK_URL" not in keep_own(Process.BEAT, EVERYTHING)

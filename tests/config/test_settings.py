"""Settings of a process that starts: all mistakes on stderr, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import EXIT_BAD_SETTINGS, load_settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SMSQ_")]:
        monkeypatch.delenv(name)


def test_good_settings_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSQ_GATEWAY_URL", "http://127.0.0.1:8080/")
    monkeypatch.setenv("SMSQ_GATEWAY_TOKEN", "simulator-token")

    assert load_settings().gateway_token == ""
    settings = load_settings(needs_gateway=True)
    assert settings.gateway_url == "http://127.0.0.1:8080"
    assert settings.gateway_token == "simulator-token"


def test_every_mistake_stands_on_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SMSQ_BURST", "0")
    monkeypatch.setenv("SMSQ_RATE", "5")

    with pytest.raises(SystemExit) as caught:
        load_settings(needs_gateway=True)

    assert caught.value.code == EXIT_BAD_SETTINGS == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "smsq: SMSQ_RATE is not a setting: write SMSQ_RATE_PER_S",
        "smsq: SMSQ_BURST: write a whole number from 1 to 10000",
        "smsq: SMSQ_GATEWAY_TOKEN: write the gateway's API key, or name a file with it",
        "smsq: SMSQ_GATEWAY_URL: write scheme and host, as in https://gateway.example",
    ]


@pytest.mark.long
def test_a_process_with_wrong_settings_ends_before_it_does_anything() -> None:
    """The Celery app itself: worker, beat and Flower all import it first."""
    environ = {**os.environ, "SMSQ_REDIS_URL": "127.0.0.1", "SMSQ_CALLBACK_SECRET": "hunter2"}
    ended = subprocess.run(
        [sys.executable, "-c", "import worker.app"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == EXIT_BAD_SETTINGS
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "smsq: SMSQ_REDIS_URL: write an address like redis://127.0.0.1:6379/0",
        "smsq: SMSQ_CALLBACK_SECRET: write 16 characters or more",
    ]

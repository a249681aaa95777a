"""`manage.py smsq`: the command line with Django's settings, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from smsq.contrib.django import sms

MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


def manage(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=folder,
        env={"DJANGO_SETTINGS_MODULE": "config.settings", "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.long
def test_output_and_exit_codes_are_those_of_smsq_whatever_the_shop_calls_its_settings(
    smsq_settings: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/__init__.py").touch()
    (tmp_path / "config/settings.py").write_text(
        f"SECRET_KEY = 'x'\nINSTALLED_APPS = ['smsq.contrib.django']\nSMSQ = {smsq_settings!r}\n"
    )
    (tmp_path / "manage.py").write_text(MANAGE)

    sent = manage(tmp_path, "smsq", "send-quick", "+375291234567", "code", "--json")
    missing = manage(tmp_path, "smsq", "status", "jnope")

    assert sent.stderr == ""
    assert sms.status(json.loads(sent.stdout)["id"]).state == "queued"
    assert missing.returncode == 4


def test_call_command_raises_with_the_exit_code(
    smsq_settings: dict[str, object], capfd: pytest.CaptureFixture[str]
) -> None:
    call_command("smsq", "parts", "Hello", "--json")
    assert json.loads(capfd.readouterr().out)["parts"] == 1

    with pytest.raises(CommandError) as caught:
        call_command("smsq", "status", "jnope")
    assert caught.value.returncode == 4


def test_wrong_settings_are_told_before_anything_runs() -> None:
    with (
        override_settings(SMSQ={"SENDER": "Shop"}),
        pytest.raises(CommandError, match="ALPHANAME_ID") as caught,
    ):
        call_command("smsq", "stats")
    assert caught.value.returncode == 2

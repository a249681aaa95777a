"""docs/outbox.md: its part about Django runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from smsq.contrib.django import sms
from smsq.models import JobState

PAGE = (Path(__file__).parents[5] / "docs/outbox.md").read_text(encoding="utf-8")


def test_the_snippet_of_the_page_stores_a_job(smsq_settings: object, db: None) -> None:
    [snippet] = re.findall(r"^```python\n(from django.db.*?)^```$", PAGE, re.M | re.S)
    order = SimpleNamespace(phone="+375 29 123-45-67", pk=77, save=lambda: None)
    names: dict[str, Any] = {"order": order}

    exec(compile(snippet, "docs/outbox.md", "exec"), names)

    names["row"].refresh_from_db()
    assert sms.status(names["row"].job_id).state is JobState.QUEUED


def test_the_apps_that_the_page_names_are_installed() -> None:
    from django.apps import apps  # noqa: PLC0415 - after Django is set up

    [line] = re.findall(r"^INSTALLED_APPS = \[\.\.\., (.*)\]$", PAGE, re.M)
    for name in re.findall(r'"([\w.]+)"', line):
        assert apps.is_installed(name)

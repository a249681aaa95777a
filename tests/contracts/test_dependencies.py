"""What the wheel asks of whoever installs it beside an app of their own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("requirement", PROJECT["dependencies"])
def test_who_only_enqueues_may_have_any_newer_version(requirement: str) -> None:
    """`celery<5.7` downgraded a shop's own Celery without a word."""
    assert re.fullmatch(r"[a-z-]+(>=[0-9.]+)?", requirement), requirement


def test_nothing_overwrites_what_a_django_project_has() -> None:
    names = {re.split(r"[\[<>=~ ]", one)[0] for one in PROJECT["dependencies"]}

    assert "phonenumbers" in names
    assert "phonenumberslite" not in names


def test_workers_alone_are_bound_to_what_survives_a_restart_of_redis() -> None:
    [celery] = [one for one in PROJECT["optional-dependencies"]["worker"] if "celery" in one]

    assert celery.endswith("<5.7")

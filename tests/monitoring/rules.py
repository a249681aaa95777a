"""Reads docs/alerts.yml and docs/alerts_test.yml, and runs promtool."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = DOCS / "alerts.yml"
ALERTS_TEST = DOCS / "alerts_test.yml"

PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")


@dataclass(frozen=True)
class Rule:
    """An alert, or a recorded series."""

    alert: str
    record: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


def read_rules() -> list[Rule]:
    """All rules, in their order."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [
        Rule(
            alert=rule.get("alert", ""),
            record=rule.get("record", ""),
            expr=rule["expr"],
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
        )
        for group in groups
        for rule in group["rules"]
    ]


def read_cases() -> dict[str, set[bool]]:
    """Alert → how it is tested: True for numbers that raise it, False for those that do not."""
    cases: dict[str, set[bool]] = {}
    tests: list[dict[str, Any]] = yaml.safe_load(ALERTS_TEST.read_text())["tests"]
    for case in tests:
        for test in case.get("promql_expr_test", []):
            found = re.search(r'alertname="(\w+)", alertstate="firing"', test["expr"])
            assert found, test
            cases.setdefault(found[1], set()).add(bool(test["exp_samples"]))
    return cases


def promtool(*args: str) -> subprocess.CompletedProcess[str]:
    """Run promtool."""
    assert PROMTOOL
    return subprocess.run([PROMTOOL, *args], capture_output=True, text=True, check=False)

"""The alert rules of docs/alerts.yml: valid, tested both ways, and each says where to read on."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.monitoring.rules import ALERTS, ALERTS_TEST, PROMTOOL, promtool, read_cases, read_rules

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="no promtool on PATH: apt-get install prometheus"
)

#: The page that an alert leads to, as a reader of the repository finds it.
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_every_alert_says_how_bad_it_is_what_is_wrong_and_where_to_read_on() -> None:
    alerts = [rule for rule in read_rules() if rule.alert]
    assert len(alerts) == len({rule.alert for rule in alerts}) > 15
    for rule in alerts:
        assert rule.labels["severity"] in {"critical", "warning"}, rule.alert
        assert rule.annotations["summary"], rule.alert
        page, _, anchor = rule.annotations["runbook"].partition("#")
        assert page == "docs/operations.md", rule.alert
        assert anchor in anchors_of(PAGE), rule.alert


def test_the_page_names_every_alert() -> None:
    named = set(re.findall(r"`(Smsq\w+)`", PAGE.read_text()))
    assert named == {rule.alert for rule in read_rules() if rule.alert}


def test_every_alert_is_tested_with_numbers_that_raise_it_and_with_others() -> None:
    assert read_cases() == {rule.alert: {True, False} for rule in read_rules() if rule.alert}


@needs_promtool
def test_promtool_finds_no_fault_in_the_rules() -> None:
    checked = promtool("check", "rules", str(ALERTS))
    assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_promtool
@pytest.mark.slow
def test_the_alerts_rise_and_stay_silent_as_tested() -> None:
    tested = promtool("test", "rules", str(ALERTS_TEST))
    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
@pytest.mark.slow
def test_a_threshold_that_nothing_passes_fails_the_tests(tmp_path: Path) -> None:
    """What would be an alert that never rises is found."""
    shutil.copy(ALERTS_TEST, tmp_path)
    rules = ALERTS.read_text().replace(
        "max(max_over_time(smsq_gate_closed_seconds[2m])) > 0", "vector(1) > 2"
    )
    (tmp_path / "alerts.yml").write_text(rules)
    tested = promtool("test", "rules", str(tmp_path / ALERTS_TEST.name))
    assert tested.returncode != 0
    assert "SmsqGateClosed" in tested.stdout + tested.stderr

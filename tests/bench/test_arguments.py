"""Whoever asks for a measurement that is not there reads what to write instead."""

from __future__ import annotations

import pytest

from bench.arguments import read_names

KNOWN = ("many", "single")


@pytest.mark.parametrize("names", [[], ["many"], ["single", "many"]])
def test_known_scenarios_are_run_as_they_are_named(names):
    assert read_names("bench.distance", names, KNOWN) == names


def test_an_unknown_scenario_is_answered_with_those_there_are(capsys):
    with pytest.raises(SystemExit) as ended:
        read_names("bench.distance", ["many", "all"], KNOWN)

    assert ended.value.code == 2
    assert "no scenario is called 'all': write some of many, single; none for all" in (
        capsys.readouterr().err
    )

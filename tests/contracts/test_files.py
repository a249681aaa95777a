"""What the repository's files promise each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smsq import names
from smsq.environment.variables import SETTINGS
from smsq.settings import Settings

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_example_environment_is_the_settings_with_their_defaults() -> None:
    lines = [line for line in read(".env.example").splitlines() if line and line[0] != "#"]

    assert lines == [f"{setting.name}={setting.default}" for setting in SETTINGS]


def test_the_settings_are_explained_in_the_same_words_everywhere() -> None:
    meanings = [setting.meaning for setting in SETTINGS]
    page = re.findall(r"^\| `SMSQ_\w+` \|[^|]*\| (.*) \|$", read("docs/settings.md"), re.M)

    assert re.findall(r"^# (.*)\nSMSQ_", read(".env.example"), re.M) == meanings
    assert [cell.replace("`", "") for cell in page] == meanings


@pytest.mark.parametrize(("page", "is_whole"), [("docs/settings.md", True), ("README.md", False)])
def test_the_settings_are_listed_with_their_defaults(page: str, is_whole: bool) -> None:
    found = re.findall(r"^\| `(SMSQ_\w+)` \|(?: `(.*?)`)? *\|", read(page), re.M)
    known = [(setting.name, setting.default) for setting in SETTINGS]

    assert found == [each for each in known if is_whole or each in found]
    assert found


def test_the_procfile_names_the_four_processes() -> None:
    processes = dict(line.split(": ", 1) for line in read("Procfile").splitlines())

    assert list(processes) == ["web", "worker", "beat", "flower"]
    assert "$PORT" in processes["flower"]


def test_every_target_of_the_makefile_is_explained() -> None:
    makefile = read("Makefile")
    targets = re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.M)

    assert {"setup", "demo", "test", "lint", "types", "check", "help"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:.*## ", makefile, re.M), target


def test_ci_runs_make_check_and_nothing_less() -> None:
    commands = [line for line in read(".ci/run").splitlines() if line and line[0] != "#"]
    assert "make check" in commands
    for bench in ("chaos", "net"):
        assert any(f" -m bench.{bench} " in command for command in commands)
    assert "\ncheck: lint types test " in read("Makefile")


def test_what_is_only_for_measurements_changes_nothing_of_the_rest() -> None:
    dev, bench = (
        dict(re.findall(r"^(\S+)==(\S+)", read(f"requirements/{name}.txt"), re.M))
        for name in ("dev", "bench")
    )
    assert {name: bench[name] for name in dev.keys() & bench} == {
        name: dev[name] for name in dev.keys() & bench
    }
    assert "taskiq" in bench.keys() - dev


@pytest.mark.parametrize(
    ("name", "least"), [("dev", 20), ("worker", 20), ("bench", 20), ("traces", 2)]
)
def test_requirements_are_pinned_and_hashed_and_name_no_index(name: str, least: int) -> None:
    text = read(f"requirements/{name}.txt")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert len(entries) > least
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_every_queue_is_consumed_by_the_worker() -> None:
    from config.queues import list_queues  # noqa: PLC0415 - a process' module

    assert tuple(queue.name for queue in list_queues(Settings.from_env({}))) == names.QUEUES
    # No `-Q`: a worker takes all of `task_queues`.
    assert "-Q" not in read("Procfile")


def test_no_file_names_a_machine_or_an_index() -> None:
    import subprocess  # noqa: PLC0415

    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    pattern = re.compile(r"/work/[a-z]|/root/|index-url\s*=|resolved.: .http")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".png"} or not path.is_file() or path == Path(__file__):
            continue
        assert not pattern.search(path.read_text(encoding="utf-8")), name

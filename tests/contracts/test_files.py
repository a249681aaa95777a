"""What the repository's files promise each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from smsq import names
from smsq.environment.variables import SETTINGS
from smsq.settings import Settings

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))
    return loaded


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
    assert any(" -m bench.chaos " in command for command in commands)
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


@pytest.mark.parametrize("name", ["dev", "worker", "bench"])
def test_requirements_are_pinned_and_hashed_and_name_no_index(name: str) -> None:
    text = read(f"requirements/{name}.txt")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_redis_in_compose_is_durable_and_evicts_nothing(compose: dict[str, Any]) -> None:
    command = " ".join(compose["services"]["redis"]["command"])

    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert compose["services"]["redis"]["volumes"]


def test_every_service_in_compose_restarts_and_has_a_health_check(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert set(services) == {"redis", "worker", "beat", "web", "flower", "simulator"}
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name
    # A fixed name or port would stop `--scale worker=4`.
    assert "container_name" not in services["worker"]
    assert "ports" not in services["worker"]
    assert services["simulator"]["profiles"] == ["simulator"]


def test_nothing_in_compose_listens_to_the_world(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    assert (
        "FLOWER_BASIC_AUTH:?" in compose["services"]["flower"]["environment"]["FLOWER_BASIC_AUTH"]
    )


def test_compose_and_procfile_start_the_same_things(compose: dict[str, Any]) -> None:
    processes = dict(line.split(": ", 1) for line in read("Procfile").splitlines())
    for name, command in processes.items():
        in_compose = " ".join(compose["services"][name]["command"])
        assert command.split(" --")[0].split()[:4] == in_compose.split(" --")[0].split()[:4], name


def test_a_stopped_worker_has_time_for_the_requests_in_hand(compose: dict[str, Any]) -> None:
    [timeout_s] = [float(s.default) for s in SETTINGS if s.name == "SMSQ_TIMEOUT_S"]
    grace = compose["services"]["worker"]["stop_grace_period"]
    [unit] = re.findall(r"^TimeoutStopSec=(\d+)$", read("docs/systemd/smsq-worker@.service"), re.M)

    assert float(grace.removesuffix("s")) >= timeout_s + 30
    assert float(unit) >= timeout_s + 30


def test_a_worker_is_healthy_while_it_takes_rings(compose: dict[str, Any]) -> None:
    command = compose["services"]["worker"]["healthcheck"]["test"]

    name = compose["services"]["worker"]["command"][-1]
    assert command == ["CMD", "smsq", "alive", "--hostname", name]


@pytest.mark.parametrize("name", ["web", "worker", "beat", "flower"])
def test_each_unit_starts_what_the_procfile_starts_and_again_when_it_dies(name: str) -> None:
    unit = read(f"docs/systemd/smsq-{name}{'@' * (name == 'worker')}.service")
    procfile = dict(line.split(": ", 1) for line in read("Procfile").splitlines())
    [started] = re.findall(r"^ExecStart=/opt/smsq/\.venv/bin/(.*)$", unit, re.M)
    numbered = procfile[name].replace("$$", "%i").replace("%h", "%%h")
    expected = numbered.replace("$PORT", "5555")

    assert started == expected
    for line in ("Restart=always", "User=smsq", "NoNewPrivileges=yes", "StartLimitIntervalSec=0"):
        assert f"\n{line}\n" in unit, line
    assert re.search(r"^EnvironmentFile=/", unit, re.M)
    assert re.search(r"^TimeoutStopSec=\d+$", unit, re.M)


def test_the_image_is_not_root_and_holds_the_wheel() -> None:
    lines = read("Dockerfile").splitlines()

    assert "USER 10001" in lines
    assert "--require-hashes" in read("Dockerfile")
    assert 'CMD ["smsq", "worker"]' in lines
    # What the wheel is made of must reach its stage.
    sent = {line.removeprefix("!") for line in read(".dockerignore").splitlines()}
    assert {"smsq", "config", "tasks", "worker", "pyproject.toml", "examples/bills.csv"} <= sent


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

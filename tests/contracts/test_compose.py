"""What compose starts, restarts and asks, and what it keeps within bounds."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import BusyLoadingError

from smsq.environment.variables import SETTINGS
from smsq.settings import Settings
from smsq.store.connection import connect
from tests.support import RedisServer, free_port, wait_until

ROOT = Path(__file__).parents[2]
OURS = {"worker", "beat", "web", "flower", "simulator"}
UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "kb": 2**10, "mb": 2**20, "gb": 2**30}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services() -> Mapping[str, Any]:
    """Every service, with what its anchors stand for and the defaults of its variables."""
    written = re.sub(r"\$\{\w+:-(.*?)\}", r"\1", read("docker-compose.yml"))
    loaded: dict[str, Any] = yaml.safe_load(written)["services"]
    return loaded


def count_bytes(size: str) -> int:
    found = re.fullmatch(r"(\d+)([kmg]b?)", size)
    assert found, size
    return int(found[1]) * UNITS[found[2]]


def test_every_service_restarts_is_asked_and_writes_a_bounded_log(
    services: Mapping[str, Any],
) -> None:
    assert set(services) == {"redis", *OURS}
    for name, service in services.items():
        assert service["restart"] == "unless-stopped", name
        asked = service["healthcheck"]
        assert asked["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert {"interval", "timeout", "retries"} <= asked.keys(), name
        log = service["logging"]
        assert log["driver"] == "json-file", name
        most = count_bytes(log["options"]["max-size"]) * int(log["options"]["max-file"])
        assert most <= 100 * UNITS["m"], name
    # A fixed name or port would stop `--scale worker=4`.
    assert not {"container_name", "ports"} & services["worker"].keys()


def test_no_service_takes_the_memory_that_another_needs(services: Mapping[str, Any]) -> None:
    for name in OURS:
        # A worker has 75 MB, Flower 130.
        assert 256 * UNITS["m"] <= count_bytes(services[name]["mem_limit"]) <= UNITS["g"], name


def test_redis_is_durable_evicts_nothing_and_is_full_before_the_kernel_kills_it(
    services: Mapping[str, Any],
) -> None:
    redis = services["redis"]
    command = " ".join(redis["command"])

    assert "--appendonly yes" in command
    assert "--appendfsync everysec" in command
    assert "--maxmemory-policy noeviction" in command
    [most] = re.findall(r"--maxmemory (\w+)", command)
    assert 2 * count_bytes(most) <= count_bytes(redis["mem_limit"])
    assert redis["volumes"]


def test_what_gives_redis_more_memory_is_no_setting_of_smsqs() -> None:
    """Containers get all of .env, and a name that is nearly a setting stops them."""
    names = re.findall(r"\$\{(\w+):", read("docker-compose.yml"))

    known = {"REDIS_MEM_LIMIT", "REDIS_MAXMEMORY", "FLOWER_BASIC_AUTH", "SMSQ_GATEWAY_TOKEN"}
    assert set(names) == known
    assert Settings.from_env(dict.fromkeys(names, "1g"))


def test_nothing_listens_to_the_world_or_without_a_password(services: Mapping[str, Any]) -> None:
    for name, service in services.items():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    assert "FLOWER_BASIC_AUTH:?" in services["flower"]["environment"]["FLOWER_BASIC_AUTH"]


def test_compose_and_procfile_start_the_same_things(services: Mapping[str, Any]) -> None:
    processes = dict(line.split(": ", 1) for line in read("Procfile").splitlines())
    for name, command in processes.items():
        in_compose = " ".join(services[name]["command"])
        assert command.split(" --")[0].split()[:4] == in_compose.split(" --")[0].split()[:4], name


def test_a_stopped_worker_has_time_for_the_requests_in_hand(services: Mapping[str, Any]) -> None:
    [timeout_s] = [float(s.default) for s in SETTINGS if s.name == "SMSQ_TIMEOUT_S"]
    grace = services["worker"]["stop_grace_period"]

    assert float(grace.removesuffix("s")) >= timeout_s + 30


def test_a_worker_is_healthy_while_it_takes_rings_and_beat_while_it_ticks(
    services: Mapping[str, Any],
) -> None:
    name = services["worker"]["command"][-1]

    assert services["worker"]["healthcheck"]["test"] == ["CMD", "smsq", "alive", "--hostname", name]
    assert services["beat"]["healthcheck"]["test"] == ["CMD", "smsq", "alive", "--beat"]


def test_every_worker_reaches_the_simulator(services: Mapping[str, Any]) -> None:
    simulator = services["simulator"]
    [url] = re.findall(r"SMSQ_GATEWAY_URL=(\S+) ", read("docker-compose.yml"))
    host, port = re.findall(r"--host (\S+) --port (\d+)", " ".join(simulator["command"]))[0]

    # The network of one worker would be out of reach for the others.
    assert "network_mode" not in simulator
    assert (url, host) == (f"http://simulator:{port}", "0.0.0.0")
    assert simulator["profiles"] == ["simulator"]


@pytest.mark.long
def test_the_simulators_health_check_sees_whether_it_listens(services: Mapping[str, Any]) -> None:
    asked, port = services["simulator"]["healthcheck"]["test"], free_port()
    command = [sys.executable, "-c", asked[-1].replace("8090", str(port))]
    assert asked[1:3] == ["python", "-c"]

    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    with socket.create_server(("127.0.0.1", port)):
        assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_image_is_not_root_and_has_the_command() -> None:
    lines = read("Dockerfile").splitlines()

    assert "USER 10001" in lines
    assert "--require-hashes" in read("Dockerfile")
    # The wheel brings the script; tests/contracts/test_wheel.py runs it.
    assert "RUN pip install --no-deps /tmp/wheel/*.whl" in lines
    assert 'CMD ["smsq", "worker"]' in lines
    # What the wheel is made of must reach its stage.
    sent = {line.removeprefix("!") for line in read(".dockerignore").splitlines()}
    assert {"smsq", "config", "tasks", "worker", "pyproject.toml", "examples/bills.csv"} <= sent


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that is slow to load what it has, and answers meanwhile."""
    slowly = ("--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024")
    with RedisServer(tmp_path, *slowly) as started:
        yield started


@pytest.mark.long
@pytest.mark.real_redis
def test_redis_is_healthy_only_while_it_answers_ping_with_pong(
    services: Mapping[str, Any], server: RedisServer, tmp_path: Path
) -> None:
    [kind, command] = services["redis"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    (tmp_path / "bin").mkdir()
    here = tmp_path / "bin" / "redis-cli"
    here.write_text(f'#!/bin/sh\nexec {shutil.which("redis-cli")} -p {server.port} "$@"\n')
    here.chmod(0o755)
    environ = {"PATH": f"{here.parent}{os.pathsep}{os.environ['PATH']}"}

    def is_healthy() -> bool:
        asked = subprocess.run(["sh", "-c", command], env=environ, timeout=20, check=False)
        return asked.returncode == 0

    redis = Redis(port=server.port, password="hush")
    assert is_healthy()
    redis.config_set("requirepass", "hush")
    assert not is_healthy()  # NOAUTH
    redis.config_set("requirepass", "")
    assert is_healthy()
    fill_and_fail_to_save(redis, tmp_path)
    assert not is_healthy()  # MISCONF
    (tmp_path / "dump.rdb").rmdir()
    redis.save()
    assert is_healthy()
    redis.close()
    server.stop()
    assert not is_healthy()  # away
    server.start(waits=False)
    wait_until(lambda: is_loading(server.url), "it loads")
    assert not is_healthy()  # LOADING
    wait_until(is_healthy, "it has loaded")


def is_loading(url: str) -> bool:
    redis = connect(url)
    try:
        redis.ping()
    except BusyLoadingError:
        return True
    finally:
        redis.close()
    return False


def fill_and_fail_to_save(redis: Redis, folder: Path) -> None:
    """Fill it, and have a folder where its file would be."""
    redis.mset({f"k{n}": os.urandom(2000) for n in range(200)})  # it packs what repeats
    (folder / "dump.rdb").mkdir()
    redis.config_set("save", "3600 1")
    redis.bgsave()
    wait_until(lambda: redis.info()["rdb_last_bgsave_status"] == "err", "it could not save")
    redis.config_set("save", "3600 1000000")

"""What a starting process requires of its ledger."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from redis import Redis

from config.settings import EXIT_BAD_SETTINGS
from smsq.names import Durability
from smsq.rings import presence
from smsq.rings.presence import Presence, read_gateway
from smsq.settings import Settings
from smsq.store import fitness
from smsq.store.connection import connect
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts
from tests.support import RedisServer, free_port
from worker import requirements
from worker.requirements import require_durability, require_gateway, require_ledger

ROOT = Path(__file__).parents[2]


def settings_of(environ: dict[str, str], url: str) -> Settings:
    return Settings.from_env(environ | {"SMSQ_REDIS_URL": url, "SMSQ_BROKER_URL": url})


def test_a_ledger_that_has_all_is_taken(environ: dict[str, str]) -> None:
    require_ledger(Settings.from_env(environ))


def test_a_redis_that_is_too_old_ends_the_process(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fitness, "_read_info", lambda _: {"redis_version": "6.0.16"})
    with pytest.raises(SystemExit) as ended:
        require_ledger(Settings.from_env(environ))

    assert ended.value.code == EXIT_BAD_SETTINGS
    said = capsys.readouterr().err
    assert said.startswith("smsq: SMSQ_REDIS_URL: Redis 6.0.16 is too old: use Redis 6.2 or newer")


@pytest.mark.real_redis
@pytest.mark.parametrize("waits", [True, False])
def test_a_wrong_password_ends_the_process(
    environ: dict[str, str], tmp_path: Path, waits: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with RedisServer(tmp_path) as server:
        admin = Redis(port=server.port)
        admin.config_set("requirepass", "right")
        admin.close()
        url = f"redis://:hunter2@127.0.0.1:{server.port}/0"
        with pytest.raises(SystemExit) as ended:
            require_ledger(settings_of(environ, url), waits=waits)

    assert ended.value.code == EXIT_BAD_SETTINGS
    said = capsys.readouterr().err
    assert "correct user and password" in said
    assert "hunter2" not in said


def test_a_process_that_works_without_redis_does_not_wait_for_it(environ: dict[str, str]) -> None:
    require_ledger(settings_of(environ, f"redis://127.0.0.1:{free_port()}/0"), waits=False)


@pytest.mark.real_redis
def test_a_redis_that_is_away_is_waited_for(
    environ: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(requirements, "OUTAGE_PAUSE_S", 0.05)
    server = RedisServer(tmp_path)
    redis = connect(server.url, timeout_s=10)
    later = threading.Timer(0.3, server.start)
    later.start()
    require_ledger(settings_of(environ, server.url))
    with pytest.raises(SystemExit):  # it has no log: told as soon as it is there
        require_durability(redis, Keys("smsq"), Durability.DISK)
    later.join()
    redis.close()
    server.stop()

    assert caplog.text.count("nothing is known of what it can do") == 1


@pytest.mark.long
@pytest.mark.real_redis
@pytest.mark.parametrize("process", ["worker", "beat", "web"])
def test_each_process_refuses_a_user_without_a_right(
    environ: dict[str, str], tmp_path: Path, process: str
) -> None:
    with RedisServer(tmp_path) as server:
        admin = Redis(port=server.port)
        admin.execute_command("ACL", "SETUSER", "sms", "on", ">q", "~*", "&*", "+@all", "-xadd")
        admin.close()
        url = f"redis://sms:q@127.0.0.1:{server.port}/0"
        ended = subprocess.run(
            [sys.executable, "-m", "smsq.cli", process],
            cwd=ROOT,
            env={"PATH": "", **environ, "SMSQ_REDIS_URL": url, "SMSQ_BROKER_URL": url},
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert ended.returncode == EXIT_BAD_SETTINGS
    lines = ended.stderr.decode().splitlines()
    [line] = [line for line in lines if line.startswith("smsq: ")]
    assert "SMSQ_REDIS_URL: its user may not use XADD: ACL SETUSER name +xadd" in line
    assert "Traceback" not in ended.stderr.decode()


def test_a_ledger_of_another_gateways_workers_ends_the_process(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(requirements, "OUTAGE_PAUSE_S", 0.05)
    monkeypatch.setattr(requirements, "GATEWAY_FREE_AFTER_S", 0.1)
    Presence(scripts, "live.example:443").enter("a@host")
    with pytest.raises(SystemExit) as ended:
        require_gateway(Presence(scripts, "staging.example:443"), "b@host")

    assert ended.value.code == EXIT_BAD_SETTINGS
    said = capsys.readouterr().err
    assert said.startswith(
        "smsq: SMSQ_NAMESPACE: workers that send to live.example:443 use the same"
    )
    assert "stop all workers" in said


def test_a_ledger_that_another_gateways_workers_have_left_is_taken(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements, "OUTAGE_PAUSE_S", 0.05)
    monkeypatch.setattr(presence, "GATEWAY_FREE_AFTER_S", 0.3)
    Presence(scripts, "old.example:443").enter("a@host")
    require_gateway(Presence(scripts, "new.example:443"), "b@host")

    assert read_gateway(scripts.redis, scripts.keys) == "new.example:443"

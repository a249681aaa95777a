"""What systemd starts, restarts, gives up and asks, and how little its processes may do."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config.settings import EXIT_BAD_SETTINGS
from smsq.environment.variables import SETTINGS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "systemd"
PROCESSES = {
    "web": "smsq-web.service",
    "worker": "smsq-worker@.service",
    "beat": "smsq-beat.service",
    "flower": "smsq-flower.service",
}
SERVICES = sorted(path.name for path in FOLDER.glob("*.service"))
#: Lets `systemd-analyze` check a template.
INSTANCE = "1"
#: 0 is a service that may do nothing, 10 one that may do everything; it was 3.8 before there was a
#: filter of system calls.
MOST_EXPOSURE = 2.0

#: What none of our processes needs.
SANDBOX = {
    *("NoNewPrivileges=yes", "CapabilityBoundingSet=", "UMask=0077"),
    *("ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes"),
    *("PrivateUsers=yes", "ProtectProc=invisible", "ProtectHostname=yes", "ProtectClock=yes"),
    *("ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectKernelLogs=yes"),
    *("ProtectControlGroups=yes", "RestrictNamespaces=yes", "RestrictRealtime=yes"),
    *("RestrictSUIDSGID=yes", "RemoveIPC=yes", "LockPersonality=yes"),
    *("MemoryDenyWriteExecute=yes", "SystemCallArchitectures=native"),
    *("SystemCallFilter=@system-service", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX"),
}


def read(name: str) -> list[str]:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and line[0] != "#"]


def value(unit: list[str], name: str) -> str:
    [found] = [line.partition("=")[2] for line in unit if line.startswith(f"{name}=")]
    return found


def read_procfile() -> dict[str, str]:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


@pytest.mark.parametrize(("process", "name"), PROCESSES.items())
def test_each_process_is_started_as_by_the_procfile_and_again_when_it_dies(
    process: str, name: str
) -> None:
    unit = read(name)
    numbered = read_procfile()[process].replace("$$", "%i").replace("%h", "%%h")

    assert value(unit, "ExecStart") == f"/opt/smsq/.venv/bin/{numbered.replace('$PORT', '5555')}"
    assert value(unit, "Restart") == "always"
    assert int(value(unit, "RestartSec")) > 0
    assert re.fullmatch(r"\d+", value(unit, "TimeoutStopSec"))


@pytest.mark.parametrize("name", PROCESSES.values())
def test_what_a_restart_does_not_mend_is_given_up_and_told(name: str) -> None:
    unit = read(name)
    starts, pause_s = int(value(unit, "StartLimitBurst")), int(value(unit, "RestartSec"))

    assert value(unit, "RestartPreventExitStatus") == str(EXIT_BAD_SETTINGS)
    assert value(unit, "StartLimitIntervalSec") == "1h"
    # An upgrade takes minutes; what dies at once is given up within the interval all the same.
    assert 5 * 60 < starts * pause_s < 30 * 60
    assert value(unit, "OnFailure") == "smsq-alarm@%N.service"
    assert "smsq-alarm@.service" in SERVICES


def test_a_stopped_worker_has_time_for_the_requests_in_hand() -> None:
    [timeout_s] = [float(s.default) for s in SETTINGS if s.name == "SMSQ_TIMEOUT_S"]

    assert float(value(read("smsq-worker@.service"), "TimeoutStopSec")) >= timeout_s + 30


def test_a_timer_asks_whether_a_worker_takes_rings_and_beat_ticks_and_only_alarms() -> None:
    unit, timer = read("smsq-alive@.service"), read("smsq-alive@.timer")
    name = value(read("smsq-worker@.service"), "ExecStart").split()[-1]

    expected = f"/opt/smsq/.venv/bin/smsq alive --beat --hostname {name}"
    assert value(unit, "ExecStart") == expected
    assert value(unit, "Type") == "oneshot"
    assert value(unit, "OnFailure") == "smsq-alarm@%N.service"
    assert not [line for line in unit if line.startswith(("Restart=", "OnSuccess="))]
    assert value(timer, "OnUnitInactiveSec") == "1min"
    assert value(timer, "WantedBy") == "timers.target"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_do_what_it_does_not_need(name: str) -> None:
    unit = read(name)

    assert set(unit) >= SANDBOX
    assert "User=smsq" in unit or "DynamicUser=yes" in unit
    if "User=smsq" in unit:
        assert value(unit, "EnvironmentFile").startswith("/etc/smsq/")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as on a machine that has what they name."""
    for path in FOLDER.iterdir():
        name = path.name.replace("@.", f"@{INSTANCE}.")
        text = path.read_text(encoding="utf-8")
        text = text.replace("/opt/smsq/.venv/bin/smsq", "/bin/true").replace("%N", INSTANCE)
        text = re.sub(r"(?m)^(User|Group|Documentation)=.*\n", "", text)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze on PATH")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.long
def test_systemd_understands_every_line(installed: Path) -> None:
    said = analyze("verify", *map(str, sorted(installed.iterdir())))

    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.long
@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_little_that_a_service_could_harm(installed: Path, name: str) -> None:
    path = installed / name.replace("@.", f"@{INSTANCE}.")
    threshold = f"--threshold={round(MOST_EXPOSURE * 10)}"
    said = analyze("security", "--offline=true", "--no-pager", threshold, str(path))

    assert said.returncode == 0, said.stdout[-200:]

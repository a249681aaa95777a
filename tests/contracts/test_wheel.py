"""The wheel: all of smsq, installable beside a web app's own `config`, `tasks` and `worker`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy of what is tracked, with nothing from the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in tracked():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
    built = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    [path] = out.iterdir()
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path, names: set[str]) -> Message:
    [name] = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return message_from_string(archive.read(name).decode())


def test_the_wheel_holds_smsq_and_nothing_else(names: set[str], wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"smsq"}
    assert wheel.name.endswith("-py3-none-any.whl")
    others = {name for name in names if not name.startswith("smsq/testing/")}
    assert not [name for name in others if "test" in name]
    assert not [name for name in names if name.endswith((".pyc", ".env"))]


def test_the_wheel_names_the_pytest_plugin(wheel: Path, names: set[str]) -> None:
    [name] = (name for name in names if name.endswith(".dist-info/entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        assert "[pytest11]\nsmsq = smsq.testing.plugin\n" in archive.read(name).decode()


def test_the_wheel_holds_all_of_smsq(names: set[str]) -> None:
    ours = {name for name in tracked() if name.startswith("smsq/")}
    folders = ("config/", "tasks/", "worker/", "examples/bills.csv")
    data = {f"smsq/_processes/{name}" for name in tracked() if name.startswith(folders)}

    assert "smsq/py.typed" in ours
    assert "smsq/_processes/worker/app.py" in data
    assert len([name for name in ours if name.endswith(".lua")]) > 10
    assert ours | data == {name for name in names if name.startswith("smsq/")}


def test_the_wheel_carries_its_licence_and_its_command(names: set[str], wheel: Path) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in names)
    [entry_points] = (name for name in names if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        assert "smsq = smsq.cli:main" in archive.read(entry_points).decode()


def test_a_web_app_needs_no_more_than_the_queue_does(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist") or []
    base = {entry.split(">")[0].split("[")[0] for entry in required if "extra ==" not in entry}

    assert {"celery", "redis", "phonenumbers"} <= base
    assert not base & {"requests", "starlette", "uvicorn", "flower", "fakeredis"}


def test_a_web_app_may_have_any_newer_celery_and_a_worker_may_not(metadata: Message) -> None:
    required = [e for e in metadata.get_all("Requires-Dist") or [] if e.startswith("celery")]
    bounded = {entry.split(";")[-1].strip() for entry in required if "<" in entry}

    assert len(required) == 3
    assert bounded == {"extra == 'worker'", "extra == 'all'"}


def test_one_extra_brings_all_others(metadata: Message) -> None:
    extras = set(metadata.get_all("Provides-Extra") or [])

    assert extras == {
        *("worker", "demo", "excel", "all", "testing"),
        *("django", "flask", "fastapi", "sqlalchemy", "otel"),
    }
    for entry in metadata.get_all("Requires-Dist") or []:
        if "extra ==" in entry and "extra == 'all'" not in entry:
            assert entry.split(";")[0] in " ".join(metadata.get_all("Requires-Dist") or [])


@pytest.fixture
def site(wheel: Path, tmp_path: Path) -> Path:
    """The wheel, unpacked: first on the path it stands before the checkout."""
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "smsq.cli", "demo", "--json"],
        cwd=empty,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["ok"]
    assert not list(empty.iterdir())


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [("worker", "requests", "worker"), ("web", "starlette", "worker"), ("up", "requests", "worker"),
     ("demo", "fakeredis", "all"), ("simulator", "uvicorn", "demo")],
)  # fmt: skip
def test_a_command_without_its_extra_names_it(
    command: str, module: str, extra: str, site: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / f"{module}.py").write_text(
        f"raise ModuleNotFoundError('No module named {module}', name='{module}')\n"
    )
    settings = {"SMSQ_GATEWAY_URL": "http://127.0.0.1:9", "SMSQ_GATEWAY_TOKEN": "token"}
    path = os.pathsep.join([str(missing), str(site)])
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "smsq.cli", command],
        env={**settings, "PATH": "", "PYTHONPATH": path, "PORT": "0"},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )

    assert ran.returncode == 1, ran.stderr
    assert f"pip install 'smsq[{extra}]'" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_queue_works_from_the_wheel_alone(site: Path, tmp_path: Path) -> None:
    """Imported from the unpacked wheel, with a web app's own modules of the same names beside."""
    for name in ("config", "tasks", "worker"):
        (site / f"{name}.py").write_text("OWN = True\n")
    code = (
        "import smsq, config, tasks, worker\n"
        "from smsq.store.scripts import _source, find_files\n"
        "queue = smsq.SmsQueue()\n"
        "assert len(_source('enqueue')) > 1000 and len(find_files()) > 10\n"
        "assert config.OWN and tasks.OWN and worker.OWN\n"
        "print(smsq.__file__)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(site / "smsq" / "__init__.py")

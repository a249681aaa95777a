"""Our Celery app beside another's: what that one set changes nothing of ours."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import celery.signals
import click
import kombu
import pytest
from celery.bin.celery import celery as command

from smsq.names import Queue, Task
from smsq.rings.rings import Rings, make_celery
from tests.smsq.rings.test_rings import ids_of, rung

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]


def find_names() -> list[str]:
    """Find each `CELERY_...` that Celery's and kombu's source speaks of, and the options of its
    commands, which click looks for below that prefix."""
    found: set[str] = set()
    for package in (celery, kombu):
        for path in Path(str(package.__file__)).parent.rglob("*.py"):
            found |= set(re.findall(r"\bCELERY_[A-Z_]+[A-Z]\b", path.read_text(encoding="utf-8")))
    return sorted(found | set(find_options(command, "CELERY")))


def find_options(group: Any, prefix: str) -> Iterator[str]:
    for option in group.params:
        yield f"{prefix}_{option.name}".upper()
    if isinstance(group, click.Group):
        for name, below in group.commands.items():
            yield from find_options(below, f"{prefix}_{name}".upper().replace("-", "_"))


NAMES = find_names()

#: What another app might have written; none of them may be looked at.
FOREIGN = ["redis://127.0.0.1:1/0", "django-db", "shop.celeryconfig"]


def look(redis_url: str) -> dict[str, Any]:
    """Everything of an app that rings depend on."""
    app = make_celery(redis_url, "n")
    try:
        return {
            "options": {name: app.conf.get(name) for name in sorted(app.conf.keys())},
            "write": app.conf.broker_write_url,
            "read": app.conf.broker_read_url,
            "backend": (app.conf.result_backend, type(app.backend).__name__),
            "connection": app.connection_for_write().as_uri(include_password=True),
            "loader": type(app.loader).__name__,
            "fixups": vars(app)["_fixups"],
        }
    finally:
        app.close()


def test_the_names_that_matter_are_among_those_found() -> None:
    assert {
        "CELERY_BROKER_URL",
        "CELERY_BROKER_READ_URL",
        "CELERY_RESULT_BACKEND",
        "CELERY_CONFIG_MODULE",
        "CELERY_LOADER",
        "CELERY_TRACE_APP",
        "CELERY_WORKER_QUEUES",
        "CELERY_BEAT_SCHEDULER",
    } <= set(NAMES)


@pytest.mark.parametrize("name", [*NAMES, "CELERY_TASK_ALWAYS_EAGER", "DJANGO_SETTINGS_MODULE"])
def test_no_variable_of_another_app_changes_ours(
    name: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    plain = look(redis_url)
    for value in FOREIGN:
        monkeypatch.setenv(name, value)
        with warnings.catch_warnings(action="error"):
            assert look(redis_url) == plain


def test_a_module_of_options_is_not_even_imported(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "shop_options.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CELERY_CONFIG_MODULE", "shop_options")
    monkeypatch.setenv("CELERY_LOADER", "shop_options:Loader")

    assert look(redis_url)["loader"] == "GivenLoader"
    assert "shop_options" not in sys.modules


def test_all_of_them_at_once_leave_a_process_of_its_own_alone(
    environ: dict[str, str], redis_url: str, namespace: str
) -> None:
    """Some are read when Celery is imported, so the process begins with them."""
    code = """
import smsq
queue = smsq.SmsQueue.from_env()
print(queue.send_quick("+375291234567", "code"), queue._producer.rings._app.backend)
"""
    numbers = {name: "1" for name in NAMES if name.startswith("CELERY_WORKER_") or "PORT" in name}
    foreign = dict.fromkeys(NAMES, FOREIGN[0]) | numbers
    process = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        env={**os.environ, **foreign, **environ, "DJANGO_SETTINGS_MODULE": "shop.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    job, backend = process.stdout.split(maxsplit=1)
    assert "DisabledBackend" in backend
    assert process.stderr == ""
    assert [ids_of(message) for message in rung(redis_url, namespace, Queue.NORMAL)] == [[job]]


def test_a_command_says_nothing_of_djangos_variable_where_there_is_no_django(
    environ: dict[str, str],
) -> None:
    code = """
import sys
sys.modules["django"] = None
from smsq.cli import main
main(["send-quick", "+375291234567", "code", "--json"])
"""
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert process.stderr == ""
    assert '"state": "queued"' in process.stdout


@pytest.fixture
def shop() -> Iterator[celery.Celery]:
    """Another app, the current one, that runs its tasks at once."""
    app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
    app.conf.task_always_eager = True
    app.set_current()
    yield app
    app.close()


def test_a_ring_is_no_child_of_the_shops_task(
    shop: celery.Celery, redis_url: str, namespace: str
) -> None:
    rings = Rings(redis_url, namespace)

    @shop.task(bind=True, priority=9)
    def order(self: Any) -> int:
        rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)
        return len(self.request.children or [])

    assert order.apply(task_id="the-shops").get() == 0
    [message] = rung(redis_url, namespace, Queue.NORMAL)
    assert message["headers"]["root_id"] == message["headers"]["id"] == "j1"
    assert message["headers"]["parent_id"] is None
    assert "the-shops" not in str(message)
    rings.close()


def test_the_shops_signals_do_not_hear_of_rings(redis_url: str, namespace: str) -> None:
    heard = []

    def hear(**words: Any) -> None:
        heard.append(words)

    signals = (celery.signals.before_task_publish, celery.signals.after_task_publish)
    for signal in signals:
        signal.connect(hear)
    rings = Rings(redis_url, namespace)
    try:
        assert rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)
    finally:
        for signal in signals:
            signal.disconnect(hear)
        rings.close()

    assert heard == []

"""`manage.py test --parallel`: processes forked from one that has used the queue already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smsq.contrib.django import sms
from smsq.models import JobState

SETTINGS = """
SECRET_KEY = "for tests alone"
INSTALLED_APPS = ["smsq.contrib.django", "orders"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
"""

#: Four classes, for each is run by one process; each sends by threads that share its queue.
TESTS = """
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.test import SimpleTestCase
from smsq.contrib.django import sms
from smsq.testing import OutboxMixin

sms.send_quick("+375291234567", "before the fork")


def send(n):
    return str(sms.send_quick("+375291234567", f"code {n}"))


class Sends:
    def test_sends(self):
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(send, range(50)))
        Path(f"{os.getpid()}-{type(self).__name__}.ids").write_text("\\n".join(ids))


class KeepsItsOwn(OutboxMixin):
    def test_sees_what_it_sent_and_nothing_of_others(self):
        with ThreadPoolExecutor(4) as pool:
            ids = list(pool.map(send, range(50)))
        self.assertEqual(sorted(ids), sorted(message.id for message in self.sms_outbox))


class A(Sends, SimpleTestCase): pass
class B(Sends, SimpleTestCase): pass
class C(Sends, SimpleTestCase): pass
class D(KeepsItsOwn, SimpleTestCase): pass
class E(KeepsItsOwn, SimpleTestCase): pass
"""


@pytest.mark.long
def test_every_id_is_unique_and_none_is_lost(
    smsq_settings: dict[str, object], tmp_path: Path
) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/__init__.py").touch()
    (tmp_path / "orders/tests.py").write_text(TESTS)
    (tmp_path / "shop_settings.py").write_text(f"{SETTINGS}\nSMSQ = {smsq_settings!r}\n")

    ran = subprocess.run(
        [sys.executable, "-m", "django", "test", "--parallel", "3"],
        cwd=tmp_path,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert ran.returncode == 0, ran.stderr
    files = list(tmp_path.glob("*.ids"))
    ids = [line for file in files for line in file.read_text().splitlines()]
    assert len({file.name.partition("-")[0] for file in files}) > 1, "more than one process"
    assert len(set(ids)) == len(ids) == 150
    assert sms.stats().jobs[JobState.QUEUED] == 151

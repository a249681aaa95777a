"""One queue per process: lazy, after the fork, and another one when settings change."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest
from django.test import override_settings

from smsq.contrib.django import get_queue, sms
from smsq.errors import ConfigError


def test_a_wrong_setting_is_told_by_the_first_call_and_by_no_import() -> None:
    with override_settings(SMSQ={"RATE_PER_S": "fast"}):
        assert "settings.SMSQ" in repr(sms)
        with pytest.raises(ConfigError, match="SMSQ_RATE_PER_S"):
            sms.stats()


def test_all_threads_share_one_queue(smsq_settings: dict[str, object]) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(get_queue())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(found) == {get_queue()}


def test_other_settings_make_another_queue(smsq_settings: dict[str, object]) -> None:
    first = get_queue()
    with override_settings(SMSQ={**smsq_settings, "ALPHANAME_ID": "456"}):
        assert get_queue() is not first
        assert get_queue().settings.alphaname_id == "456"


def test_a_forked_process_has_a_queue_of_its_own(smsq_settings: dict[str, object]) -> None:
    before = sms.send_quick("+375291234567", "of the parent")
    parent = get_queue()
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        is_other = get_queue() is not parent
        job = sms.send_quick("+375291234567", "of the child")
        os.write(writer, f"{is_other} {job}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    said, found = os.read(reader, 100).decode().split()

    assert said == "True"
    assert found != before
    assert sms.status(found).state == "queued"
    os.close(reader)
    os.close(writer)


CODE = """
import django, sys
from django.conf import settings
from django.test import override_settings
settings.configure(SMSQ={"ALPHANAME_ID": "1", "NAMESPACE": sys.argv[2], "REDIS_URL": sys.argv[1]})
from smsq.contrib.django import get_queue, sms
print(sms.send_quick("+375291234567", "code"))
closed = get_queue().close
def close():
    closed()
    print("closed")
get_queue().close = close
"""


def test_it_is_closed_when_the_process_ends(redis_url: str, namespace: str) -> None:
    command = [sys.executable, "-c", CODE, redis_url, namespace]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert ran.stdout.splitlines()[1:] == ["closed"]
    assert ran.stderr == ""


WITHOUT = """
import sys
sys.modules["django"] = None
import smsq.contrib.django
"""


def test_without_django_one_sentence_names_the_extra() -> None:
    ran = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)

    assert ran.stderr.splitlines()[-1] == (
        "ImportError: smsq.contrib.django needs Django, which is not installed: "
        "pip install 'smsq[django]'"
    )
    assert ran.stderr.count("Traceback") == 1

"""What `import smsq` brings into a web app's process: little, and no I/O but for code."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

#: Tells what was imported, and what Python did meanwhile but for reading code.
LOOK = """
import json, os, sys
did = []
def note(event, args):
    name = event.split(".")[0]
    if name in {"socket", "subprocess", "sqlite3"} or event == "open" and not is_code(args):
        did.append([event, repr(args)])
def is_code(args):
    path, mode, _ = args
    return mode in ("r", "rb", None) and str(path).endswith((".py", ".pyc", ".so"))
# The tags of code, and what is asked of the machine once, are the interpreter's own affair.
sys.addaudithook(note)
%s
print(json.dumps({"modules": [*sys.modules], "did": did}))
"""


def look(code: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-B", "-c", LOOK % code], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    found["packages"] = {name.partition(".")[0] for name in found["modules"]}
    return found


def test_smsq_alone_needs_the_standard_library_only() -> None:
    found = look("import smsq")

    assert found["packages"] <= {*sys.stdlib_module_names, "smsq", "__main__"} | _site(found)
    assert "asyncio" not in found["packages"]
    assert not found["did"]


@pytest.mark.parametrize("name", ["SmsQueue", "AsyncSmsQueue", "Settings", "InvalidMessageError"])
def test_a_name_of_smsq_needs_no_celery_no_command_line_and_no_web_server(name: str) -> None:
    found = look(f"import smsq; smsq.{name}")

    heavy = {"celery", "kombu", "amqp", "billiard", "click", "rich", "requests", "urllib3"}
    others = {"starlette", "uvicorn", "flask", "fastapi", "django", "sqlalchemy", "fakeredis"}
    assert not found["packages"] & (heavy | others)
    assert not found["did"]


def test_a_queue_has_all_that_its_first_message_needs() -> None:
    """The first visitor does not wait for imports."""
    made = look("import smsq; smsq.SmsQueue()")

    assert {"celery", "kombu"} <= made["packages"]


def _site(found: dict[str, Any]) -> set[str]:
    """What the virtual environment itself imports at each start, by its `.pth` files."""
    return set(look("pass")["packages"]) | {"_virtualenv"}

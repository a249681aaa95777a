"""The Celery app: whose command line it is."""

from __future__ import annotations

import pytest

from worker.app import is_worker


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("celery -A worker worker", True),
        ("celery --app worker worker --concurrency 4", True),
        ("celery --app=worker worker", True),
        ("celery -A worker --quiet worker", True),
        ("celery -A worker beat", False),
        ("celery -A worker --quiet beat", False),
        ("celery -A worker flower --port=5555", False),
        ("celery -A worker inspect registered", False),
        ("celery", False),
    ],
)
def test_only_a_workers_command_line_needs_the_gateway(command: str, expected: bool) -> None:
    assert is_worker(command.split()) is expected

"""docs/outbox.md: its part about SQLAlchemy runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from smsq.contrib.sqlalchemy.__main__ import main
from smsq.models import JobState

PAGE = (Path(__file__).parents[4] / "docs/outbox.md").read_text(encoding="utf-8")


def snippet(word: str) -> str:
    [found] = [each for each in re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
               if word in each]  # fmt: skip
    return str(found)


def test_the_snippet_of_the_page_stores_a_job(
    address: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {"DATABASE_URL": address}

    exec(compile(snippet("create_engine"), "docs/outbox.md", "exec"), names)

    table = names["outbox"].table
    with names["engine"].connect() as connection:
        job_id = connection.scalar(sa.select(table.c.job_id))
        assert connection.scalar(sa.select(names["orders"].c.id)) == 77
    assert names["outbox"]._queue.status(job_id).state is JobState.QUEUED
    names["engine"].dispose()
    names["outbox"]._queue.close()


def test_the_page_names_every_option_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))

    assert options - {"--help", "--table", "--schema"} <= set(re.findall(r"--[a-z-]+", PAGE))

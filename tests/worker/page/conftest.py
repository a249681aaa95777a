"""An admin side that really listens, with a reader and an operator."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from smsq.environment.page import passwords
from smsq.settings import Settings
from tests.worker.page.browsing import OPERATOR, READER, Visitor
from worker.page.serving import admin_at_work


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash takes a fifth of a second, for guesses to be slow; tests guess all day."""
    monkeypatch.setattr(passwords, "_LOG2_N", 4)
    monkeypatch.setattr(passwords, "_P", 1)


@pytest.fixture(autouse=True)
def _no_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """He asks workers through the broker, in the background, for seconds."""
    monkeypatch.setattr("worker.page.doctor.examine", lambda _: [])


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {
        "SMSQ_WEB_READERS": ":".join(READER),
        "SMSQ_WEB_OPERATORS": ":".join(OPERATOR),
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return Settings.from_env(environ, needs_gateway=True, needs_page=True)


@pytest.fixture
def admin_url(settings: Settings, environ: dict[str, str]) -> Iterator[str]:
    with admin_at_work(settings, environ) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def stranger(admin_url: str) -> Iterator[Visitor]:
    with httpx.Client(base_url=admin_url, timeout=60) as client:
        yield Visitor(client)


@pytest.fixture
def reader(admin_url: str) -> Iterator[Visitor]:
    with httpx.Client(base_url=admin_url, timeout=60) as client:
        yield Visitor(client).log_in(*READER)


@pytest.fixture
def operator(admin_url: str) -> Iterator[Visitor]:
    with httpx.Client(base_url=admin_url, timeout=60) as client:
        yield Visitor(client).log_in(*OPERATOR)

"""`manage.py check`: an id and a hint for each thing that would go wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from smsq.contrib.django.checks import check_settings

NEAR = {"ALPHANAME_ID": "123", "REDIS_URL": "redis://127.0.0.1:6379/0"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SMSQ_REDIS_URL", "SMSQ_ALPHANAME_ID", "CELERY_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)


def ids_of(smsq: Any, **others: Any) -> list[str | None]:
    with override_settings(SMSQ=smsq, **others):
        found = check_settings()
    assert all(message.hint for message in found)
    return [message.id for message in found]


def test_good_settings_pass() -> None:
    assert ids_of(NEAR) == []


def test_they_are_part_of_manage_py_check() -> None:
    with override_settings(SMSQ={}):
        assert "smsq.E001" in {message.id for message in run_checks()}


def test_no_sender_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    without = {"REDIS_URL": NEAR["REDIS_URL"]}
    assert ids_of(without) == ["smsq.E001"]

    monkeypatch.setenv("SMSQ_ALPHANAME_ID", "123")
    assert ids_of(without) == []


def test_each_wrong_setting_is_an_error_of_its_own() -> None:
    wrong = {"RATE_PER_S": "fast", "DEFAULT_REGION": "Belarus"}
    assert ids_of({**NEAR, **wrong}) == ["smsq.E002", "smsq.E002"]
    assert ids_of({**NEAR, "SENDER": "Shop"}) == ["smsq.E002"]
    assert ids_of("redis://127.0.0.1") == ["smsq.E002"]


def test_a_gateway_for_phone_calls_is_an_error() -> None:
    gateway = "smsq.contrib.django.two_factor.Gateway"
    assert ids_of(NEAR, TWO_FACTOR_CALL_GATEWAY=gateway) == ["smsq.E003"]
    assert ids_of(NEAR, TWO_FACTOR_CALL_GATEWAY="two_factor.gateways.fake.Fake") == []


def test_celerys_broker_is_spoken_of_only_where_smsq_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://redis.shop.example:6379/0")
    assert ids_of({"ALPHANAME_ID": "123"}) == ["smsq.W001"]
    assert ids_of(NEAR) == []

    monkeypatch.delenv("CELERY_BROKER_URL")
    assert ids_of({"ALPHANAME_ID": "123"}, CELERY_BROKER_URL="amqp://rabbit") == ["smsq.W001"]


@pytest.mark.parametrize(
    ("smsq", "is_live"),
    [
        ({"GATEWAY_URL": "https://gateway.example"}, True),
        ({"GATEWAY_URL": "http://127.0.0.1:8080"}, False),
        ({"GATEWAY_URL": "http://simulator:8080"}, False),
        ({"REDIS_URL": "redis://redis.shop.example:6379/0"}, True),
        ({"REDIS_URL": "redis://redis:6379/0"}, False),
    ],
)
def test_debug_with_real_phones_is_a_warning(smsq: dict[str, str], is_live: bool) -> None:
    assert ids_of({**NEAR, **smsq}, DEBUG=True) == ["smsq.W002"] * is_live
    assert ids_of({**NEAR, **smsq}, DEBUG=False) == []


@pytest.mark.parametrize(
    ("location", "is_ours"),
    [
        ("redis://localhost", True),
        (["redis://127.0.0.1:6379/0", "redis://other.example"], True),
        ("redis://127.0.0.1:6379/1", False),
        ("redis://cache.example:6379/0", False),
    ],
)
def test_a_cache_whose_clear_would_empty_the_ledger_is_a_warning(
    location: Any, is_ours: bool
) -> None:
    cache = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": location}
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}

    assert ids_of(NEAR, CACHES={"default": memory, "r": cache}) == ["smsq.W003"] * is_ours

"""`settings.SMSQ`: the same settings, checked as in the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from smsq.contrib.django.conf import read_settings
from smsq.errors import ConfigError
from smsq.models import RecipientState


def read(**smsq: Any) -> Any:
    with override_settings(SMSQ=smsq):
        return read_settings()


def mistakes_of(given: Any) -> tuple[str, ...]:
    with override_settings(SMSQ=given), pytest.raises(ConfigError) as caught:
        read_settings()
    return caught.value.mistakes


def test_names_have_no_prefix_and_values_are_pythons_own() -> None:
    found = read(
        ALPHANAME_ID="123",
        RATE_PER_S=2.5,
        KEEP_TEXTS=True,
        BULK_MAX_RECIPIENTS=500,
        GATEWAY_CA_FILE=Path("ca.pem"),
        STATUS_MAP={"read": "delivered", "blocked": "undelivered"},
    )

    assert (found.alphaname_id, found.rate_per_s, found.keep_texts) == ("123", 2.5, True)
    assert (found.bulk_max_recipients, found.gateway_ca_file) == (500, "ca.pem")
    assert found.status_map["blocked"] is RecipientState.UNDELIVERED


def test_the_environment_has_what_settings_py_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSQ_ALPHANAME_ID", "456")
    monkeypatch.setenv("SMSQ_RATE_PER_S", "7")

    found = read(ALPHANAME_ID="123", RATE_PER_S=None)

    assert (found.alphaname_id, found.rate_per_s) == ("123", 7)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("SMSQ_REDIS_URL", "'REDIS_URL'"),
        ("redis_url", "'REDIS_URL'"),
        ("SENDER", "'ALPHANAME_ID'"),
        ("RATE", "'RATE_PER_S'"),
        ("ALFANAME_ID", "'ALPHANAME_ID'"),
        ("COLOUR", "one of docs/settings.md"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_one_that_is_meant(name: str, instead: str) -> None:
    [mistake] = mistakes_of({name: "1"})

    assert repr(name) in mistake
    assert instead in mistake


def test_all_mistakes_are_told_together_and_without_the_value() -> None:
    found = mistakes_of({"RATE_PER_S": "fast-secret", "DEFAULT_REGION": "Belarus"})

    assert len(found) == 2
    assert "secret" not in "".join(found)


@pytest.mark.parametrize("given", [["REDIS_URL"], {"REDIS_URL": object()}])
def test_what_cannot_be_written_is_refused(given: Any) -> None:
    assert "write a" in mistakes_of(given)[0]

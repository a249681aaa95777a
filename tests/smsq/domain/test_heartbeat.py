"""SMSQ_HEARTBEAT: a phone and a period."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.heartbeat import Heartbeat, parse_heartbeat
from smsq.errors import ConfigError
from smsq.settings import Settings


@pytest.mark.parametrize(
    ("written", "every_s"),
    [
        ("+375291234567@10m", 600),
        ("375291234567@60s", 60),
        ("+375291234567@1h", 3600),
        ("+375291234567@24h", 86_400),
    ],
)
def test_a_phone_and_a_period_are_read(written: str, every_s: int) -> None:
    assert parse_heartbeat(written) == Heartbeat("375291234567", every_s)


@pytest.mark.parametrize(
    "written",
    ["+375291234567", "@10m", "+375291234567@", "+375291234567@59s", "+375291234567@25h",
     "80291234567890123@10m", "+375 29 123 45 67@10m", "+375291234567@10",
     "+375291234567@\u0661\u0660m"],
)  # fmt: skip
def test_anything_else_is_told_what_to_write(written: str) -> None:
    with pytest.raises(ValueError, match="write a phone with its country code") as told:
        parse_heartbeat(written)
    assert "5291234567@" not in str(told.value).replace("+375291234567@10m", "")


@given(st.text(max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        assert parse_heartbeat(text).every_s >= 60
    except ValueError:
        return


def test_a_heartbeat_needs_a_sender() -> None:
    with pytest.raises(ConfigError, match="SMSQ_ALPHANAME_ID"):
        Settings.from_env({"SMSQ_HEARTBEAT": "+375291234567@10m"})

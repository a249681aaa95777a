"""`smsq send-quick`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq

PHONE = "+375 29 123-45-67"


def test_it_answers_with_id_state_and_whether_it_is_new(
    smsq_json: Callable[..., Any], queue: SmsQueue
) -> None:
    told = smsq_json("send-quick", PHONE, "Your code is 4821", "--priority", "urgent")

    assert told == {"id": told["id"], "state": "queued", "new": True}
    assert queue.status(told["id"]).state == "queued"


def test_the_same_key_and_content_are_the_same_job(smsq_json: Callable[..., Any]) -> None:
    first = smsq_json("send-quick", PHONE, "code", "--key", "login-1")
    again = smsq_json("send-quick", PHONE, "code", "--key", "login-1")

    assert again == {"id": first["id"], "state": "queued", "new": False}


def test_a_key_with_other_content_is_exit_code_2(smsq_json: Callable[..., Any]) -> None:
    smsq_json("send-quick", PHONE, "code 1", "--key", "login-1")
    told = smsq_json("send-quick", PHONE, "code 2", "--key", "login-1", exit_code=2)

    assert told["error"]["type"] == "KeyConflictError"


def test_every_mistake_is_told_at_once_and_nothing_is_stored(
    smsq_json: Callable[..., Any], queue: SmsQueue
) -> None:
    args = ("--viber-after-min", "3", "--expires-in-s", "-1")
    told = smsq_json("send-quick", "12", "", *args, exit_code=2)

    assert told["error"]["type"] == "InvalidMessageError"
    assert len(told["error"]["mistakes"]) == 5
    assert sum(queue.stats().jobs.values()) == 0


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M+03:00"])
def test_a_time_of_sending_is_iso_with_or_without_offset(
    form: str, smsq_json: Callable[..., Any]
) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    assert smsq_json("send-quick", PHONE, "x", "--send-at", f"{tomorrow:{form}}")["state"] == (
        "waiting"
    )


@pytest.mark.parametrize(
    "when", ["tomorrow", "2030-01-01", "0001-01-01T00:00", "9999-12-31T23:59-11:00", "2020-01-01T00:00", ""]  # noqa: E501
)  # fmt: skip
def test_a_time_that_is_none_says_what_to_write(when: str, smsq: Smsq) -> None:
    result = smsq("send-quick", PHONE, "x", "--send-at", when)

    assert result.exit_code == 2
    assert "write a" in result.stderr


@pytest.mark.parametrize(
    "args",
    [
        ("--priority", "soon"),
        ("--on-unknown", "pray"),
        ("--viber-name-id", "nine"),
        ("--expires-in-s", "soon"),
        ("--colour", "blue"),
    ],
)
def test_an_option_that_cannot_be_is_exit_code_2_in_json_too(
    args: tuple[str, str], smsq_json: Callable[..., Any]
) -> None:
    told = smsq_json("send-quick", PHONE, "x", *args, exit_code=2)

    assert told["error"]["type"] == "UsageError"
    assert args[0] in told["error"]["message"]


def test_a_text_without_quotation_marks_is_not_repeated_in_the_error(smsq: Smsq) -> None:
    result = smsq("send-quick", PHONE, "Your", "code", "4821", "--json")

    assert result.exit_code == 2
    assert "4821" not in result.output
    assert "quotation marks" in result.output


@pytest.mark.parametrize("stdin", [b"\xff\xfe", b"", b"\n", b"x" * 70_000])
def test_a_text_on_stdin_that_is_none_is_exit_code_2(stdin: bytes, smsq: Smsq) -> None:
    assert smsq("send-quick", PHONE, "-", stdin=stdin).exit_code == 2


@pytest.mark.parametrize("option", ["--key", "--alphaname-id"])
def test_bytes_that_are_no_unicode_are_told(option: str, smsq: Smsq) -> None:
    result = smsq("send-quick", PHONE, "x", option, "\udcff")

    assert result.exit_code == 2
    assert "UTF-8" in result.stderr


def test_wrong_settings_are_all_told_with_exit_code_2(smsq_json: Callable[..., Any]) -> None:
    wrong = {"SMSQ_RATE_PER_S": "fast", "SMSQ_BURST": "0"}
    told = smsq_json("send-quick", PHONE, "x", exit_code=2, **wrong)

    assert told["error"]["type"] == "ConfigError"
    assert len(told["error"]["mistakes"]) == 2


def test_a_person_is_told_how_to_watch_it(smsq: Smsq) -> None:
    result = smsq("send-quick", PHONE, "x")

    assert "smsq watch j" in result.stdout
    assert result.stderr == ""

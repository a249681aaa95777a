"""`smsq send-quick`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq
from tests.smsq.gathering.test_gathering import gather, job_of
from tests.smsq.world import ACCEPTED, PLAN, World

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


def test_a_gathered_send_has_an_own_id_that_every_command_takes(
    smsq_json: Callable[..., Any], smsq: Smsq
) -> None:
    told = smsq_json("send-quick", PHONE, "You owe 5", "--gather")
    other = smsq_json("send-quick", "+375 29 123-45-68", "You owe 6", "--gather")
    own_id, job = told["id"], told["id"].partition(".")[0]
    assert told == {"id": own_id, "state": "waiting", "new": True}
    assert re.fullmatch(rf"{job}\.2\.\w{{7}}", other["id"])

    status = smsq_json("status", own_id, "--recipients")
    assert (status["id"], status["state"], status["counts"]) == (own_id, "waiting", {"pending": 1})
    assert [row["phone"] for row in status["recipients"]] == ["375291234567"]
    watched = smsq_json("watch", own_id, "--timeout-s", "0", exit_code=1)
    assert watched["counts"] == {"pending": 1}
    assert smsq_json("cancel", own_id) == {"id": own_id, "cancelled": 1, "state": "cancelled"}
    assert smsq_json("status", job)["counts"] == {"pending": 1}
    assert "1234568" not in smsq("status", own_id, "--recipients").output


def test_why_tells_a_gathered_send_from_when_it_joined_to_when_it_left(
    smsq_json: Callable[..., Any], world: World
) -> None:
    first = gather(world, 1)
    world.pass_s(1)
    second = gather(world, 2)
    world.ledger.cancel(first)
    world.pass_s(1)
    world.recover()
    world.claims.settle(world.claim(job_of(second)), ACCEPTED, PLAN)

    job = job_of(first)
    mine, other = smsq_json("why", first), smsq_json("why", second)
    assert [step["what"] for step in mine["timeline"]] == ["waiting", "cancelled"]
    assert mine["counts"] == {}
    steps = [(step["what"], step["detail"]) for step in other["timeline"]]
    assert steps[0] == ("waiting", f"gathered into {job}")
    assert [what for what, _ in steps] == ["waiting", "queued", "submitting", "accepted"]
    assert other["counts"] == {"pending": 1}
    assert smsq_json("why", f"{job}.3", exit_code=4)["error"]["type"] == "NotFoundError"

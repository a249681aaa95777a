"""Many messages in one call: which were refused, and why, and what is stored all the same."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

import smsq

PHONE, OTHER = "+375 29 123-45-67", "+375 33 123-45-67"


def message(phone: str, text: str, key: str | None = None) -> smsq.QuickMessage:
    return smsq.QuickMessage(phone=phone, text=text, key=key)


def test_a_conflict_says_which_keys_and_what_is_stored(queue: smsq.SmsQueue) -> None:
    first = queue.send_quick(PHONE, "code 1", key="login-1")
    messages = [
        message(OTHER, "a"),
        message(PHONE, "code 2", key="login-1"),
        message(OTHER, "b", key="login-3"),
        message(OTHER, "c", key="login-3"),
    ]
    with pytest.raises(smsq.KeyConflictError, match=r"^message 2: ") as caught:
        queue.send_quick_many(messages)

    error = caught.value
    assert error.conflicts == {2: "login-1", 4: "login-3"}
    assert [some_id is None for some_id in error.stored] == [False, True, False, True]
    assert first in str(error)
    assert "login" not in str(error)  # keys are order numbers and worse: not in a log
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.conflicts, twin.stored) == (error.conflicts, error.stored)


def test_one_bad_message_does_not_stop_the_others_where_it_is_skipped(
    queue: smsq.SmsQueue,
) -> None:
    messages = [message(PHONE, "a"), message("12", "b"), message(OTHER, ""), message(OTHER, "d")]
    stored = queue.send_quick_many(messages, on_invalid="skip")

    assert list(stored.by_number) == [1, 4]
    assert list(stored) == [stored.by_number[1], stored.by_number[4]]
    assert [(m.message_number, m.phone, m.code) for m in stored.rejected] == [
        (2, "**", "phone_invalid"),
        (3, None, "text_empty"),
    ]
    assert stored.rejected_count == 2
    assert sum(queue.stats().jobs.values()) == 2
    with pytest.raises(smsq.InvalidMessageError, match="message 2: phone"):
        queue.send_quick_many(messages)


def test_places_are_those_of_the_call_when_some_are_left_out(queue: smsq.SmsQueue) -> None:
    queue.send_quick(PHONE, "code 1", key="login-1")
    messages = [message("12", "a"), message(PHONE, "code 2", key="login-1")]

    with pytest.raises(smsq.KeyConflictError, match=r"^message 2: ") as caught:
        queue.send_quick_many(messages, on_invalid="skip")
    assert caught.value.conflicts == {2: "login-1"}


def test_a_message_without_a_sender_is_never_left_out(settings: smsq.Settings) -> None:
    with (
        smsq.SmsQueue(settings=replace(settings, alphaname_id="")) as queue,
        pytest.raises(smsq.ConfigError),
    ):
        queue.send_quick_many([message(PHONE, "a")], on_invalid="skip")

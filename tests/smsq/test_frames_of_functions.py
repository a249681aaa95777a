"""What public functions raise, and the classes for frameworks, brings no secret along either."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import Forbidden

import smsq
from smsq.contrib.flask import Smsq
from tests.smsq.test_frames import SECRETS, frames_behind

SECRET = "hunter2 of the webhook"
HEADERS = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,of nobody"}


def assert_silent(error: BaseException, *secrets: str) -> None:
    for place, variables in frames_behind(error):
        for name, value in variables.items():
            shown = f"{value!r} {value!s}"
            assert not any(secret in shown for secret in (*SECRETS, *secrets)), f"{place} {name}"


def test_whoever_posts_rubbish_to_the_webhook_brings_its_secret_into_no_report() -> None:
    for wrong in ({}, HEADERS, {**HEADERS, "webhook-timestamp": "nan"}):
        with pytest.raises(smsq.WebhookError) as caught:
            smsq.parse_webhook(b"{}", wrong, f"{SECRET},{SECRET} of old")
        assert_silent(caught.value, SECRET)


def test_nor_does_the_older_check() -> None:
    number: Any = 1
    with pytest.raises(TypeError) as caught:
        smsq.verify_webhook(b"{}", number, "v1=", SECRET)
    assert_silent(caught.value, SECRET)


def test_nor_does_flask() -> None:
    app = Flask(__name__)
    app.config.from_mapping(SMSQ_WEBHOOK_SECRET=SECRET, SMSQ_ALPHANAME_ID="1")
    sms = Smsq(app)
    with app.test_request_context("/", method="POST"), pytest.raises(Forbidden) as caught:
        sms.read_webhook()
    assert_silent(caught.value, SECRET)


def test_settings_that_are_wrong_show_no_password_of_those_that_are_right() -> None:
    with pytest.raises(smsq.ConfigError) as caught:
        smsq.Settings.from_env(
            {"SMSQ_REDIS_URL": "redis://:hunter2@127.0.0.1:1/0", "SMSQ_RATE_PER_S": "fast"}
        )
    assert_silent(caught.value)

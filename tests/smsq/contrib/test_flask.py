"""Flask: settings from `app.config`, one queue per process and app, the webhook's events."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from flask import Flask
from flask.testing import FlaskClient

import smsq
from smsq.contrib.flask import Smsq
from tests.smsq.contrib.posts import NEW, OLD, make_event, sign

sms = Smsq()


def make_app(environ: dict[str, str], **config: object) -> Flask:
    app = Flask(__name__)
    app.config.from_mapping({**environ, "SMSQ_WEBHOOK_SECRET": f"{NEW},{OLD}", **config})
    sms.init_app(app)

    @app.post("/send")
    def send() -> str:
        return sms.queue.send_quick("+375 29 123-45-67", "code")

    @app.post("/sms-events")
    def hear() -> tuple[str, int]:
        app.config["HEARD"] = sms.read_webhook()
        return "", 204

    return app


@pytest.fixture
def app(environ: dict[str, str]) -> Flask:
    return make_app(environ)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_a_view_sends_with_the_apps_settings(client: FlaskClient, queue: smsq.SmsQueue) -> None:
    job = client.post("/send").text

    assert queue.status(job).state is smsq.JobState.QUEUED


def test_an_app_has_one_queue_and_another_app_another(app: Flask, environ: dict[str, str]) -> None:
    other = make_app(environ, SMSQ_ALPHANAME_ID=456)
    with app.app_context():
        first = sms.queue
    with app.app_context():
        assert sms.queue is first
    with other.app_context():
        assert sms.queue is not first
        assert sms.queue.settings.alphaname_id == "456"


def test_nothing_is_made_before_the_first_use(app: Flask) -> None:
    assert app.extensions["smsq"].queue._made is None


def test_every_mistake_of_the_settings_is_told_when_the_app_is_made(
    environ: dict[str, str],
) -> None:
    with pytest.raises(smsq.ConfigError) as caught:
        make_app(environ, SMSQ_SENDER="Shop", SMSQ_RATE_PER_S=object())
    assert [mistake.partition(" ")[0] for mistake in caught.value.mistakes] == [
        "app.config['SMSQ_SENDER']",
        "app.config['SMSQ_RATE_PER_S']",
    ]
    with pytest.raises(smsq.ConfigError, match="SMSQ_RATE_PER_S"):
        make_app(environ, SMSQ_RATE_PER_S=-1)


def test_a_missing_sender_ends_the_start_unless_every_call_names_one(
    environ: dict[str, str],
) -> None:
    app = Flask("bare")
    app.config.from_mapping({**environ, "SMSQ_ALPHANAME_ID": ""})

    with pytest.raises(smsq.ConfigError, match="SMSQ_ALPHANAME_ID"):
        Smsq(app)
    Smsq(app, needs_sender=False)


def test_an_app_without_the_extension_says_what_to_call() -> None:
    with (
        Flask("bare").app_context(),
        pytest.raises(RuntimeError, match="init_app"),
    ):
        _ = sms.queue


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_signed_post_is_the_same_event(app: Flask, client: FlaskClient, secret: str) -> None:
    body, headers = sign(make_event(), secret)

    assert client.post("/sms-events", data=body, headers=dict(headers)).status_code == 204
    assert app.config["HEARD"] == [make_event()]


@pytest.mark.parametrize(
    ("secret", "age_s", "code"),
    [("another secret of 16", 0, "wrong_signature"), (NEW, 3600, "too_old")],
)
def test_any_other_post_is_refused(
    app: Flask, client: FlaskClient, secret: str, age_s: float, code: str
) -> None:
    body, headers = sign(make_event(), secret, age_s=age_s)

    answer = client.post("/sms-events", data=body, headers=dict(headers))

    assert answer.status_code == 403
    assert code in answer.text
    assert "HEARD" not in app.config


def test_a_forked_process_makes_its_own_queue(app: Flask) -> None:
    with app.app_context():
        of_parent = sms.queue
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            os.write(writer, b"1" if sms.queue is not of_parent else b"0")
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 1) == b"1"
        assert sms.queue is of_parent
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("name", ["flask", "fastapi", "starlette"])
def test_without_the_framework_one_sentence_says_what_to_install(name: str) -> None:
    hide = f"import sys; sys.modules[{name!r}] = None\n"
    found = subprocess.run(
        [sys.executable, "-c", f"{hide}import smsq.contrib.{name}"], capture_output=True, text=True
    )
    said = found.stderr.strip().splitlines()[-1]

    assert said.startswith("ImportError: ")
    assert "which is not installed: pip install" in said

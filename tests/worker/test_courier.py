"""The courier against a real HTTP server that takes, refuses, stalls, redirects and is absent."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from smsq.domain.backoff import Backoff
from smsq.events.events import JobEvent
from smsq.events.receiving import parse_webhook
from smsq.events.signatures import verify_webhook
from smsq.events.webhooks import Webhooks
from smsq.names import Start
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from tests.certificates import SelfSigned
from tests.receiver import Receiver, status
from tests.smsq.gateway.proxy import relay
from tests.smsq.gateway.raw import answer, answering, raw_server
from tests.smsq.world import World
from tests.support import free_port, wait_until
from worker.courier import Courier, courier_at_work

SECRET = "the shop's own secret"
TIMEOUT_S = 0.5


def stall(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(TIMEOUT_S * 3)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte of the headers now and then, each within any time-out of a single read."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: 1\r\n" * 3:
        try:
            handler.wfile.write(bytes([byte]))
        except OSError:
            return
        time.sleep(TIMEOUT_S / 5)


def flood(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        for _ in range(10_000):
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    made = World(settings)
    yield made
    made.redis.close()


@pytest.fixture
def hooks(world: World) -> Webhooks:
    return Webhooks(world.scripts, start=Start.OLDEST, backoff=Backoff(5, 3600, dice=lambda: 1.0))


@pytest.fixture
def courier(hooks: Webhooks, receiver: Receiver) -> Courier:
    return Courier(hooks, receiver.url, [SECRET], timeout_s=TIMEOUT_S)


@pytest.fixture
def patient(hooks: Webhooks, receiver: Receiver) -> Courier:
    """Waits for an answer as long as in production, however busy the machine is."""
    return Courier(hooks, receiver.url, [SECRET])


def test_news_is_posted_signed(world: World, courier: Courier, receiver: Receiver) -> None:
    job = world.enqueue()

    assert courier.step()
    [(headers, body)] = receiver.posts
    [told] = parse_webhook(body, headers, SECRET)
    assert isinstance(told, JobEvent)
    assert told.job_id == job
    # For one more release.
    timestamp, signature = headers["X-Smsq-Timestamp"], headers["X-Smsq-Signature"]
    assert verify_webhook(body, timestamp, signature, SECRET)
    assert headers["Content-Type"] == "application/json"
    [event] = json.loads(body)["events"]
    assert (event["job_id"], event["new_state"]) == (job, "queued")
    assert not courier.step()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(500), "status 500"),
        (status(404), "status 404"),
        (status(302, Location="/elsewhere"), "status 302; redirects are not followed"),
        (stall, "ReadTimeout"),
        (drip, "ReadTimeout"),
    ],
)
def test_what_is_not_taken_is_tried_again_and_says_why(
    world: World,
    courier: Courier,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    answer: Callable[[BaseHTTPRequestHandler], None],
    error: str,
) -> None:
    receiver.answer = answer
    world.enqueue()
    began_s = time.monotonic()
    courier.step()

    assert time.monotonic() - began_s < TIMEOUT_S * 4
    assert len(receiver.posts) == 1
    assert f"attempt=1: later {error}" in caplog.text
    assert not courier.step()
    receiver.answer = status(200)
    world.pass_s(5)
    assert courier.step()
    first, second = receiver.documents
    assert first == second


def test_a_receiver_that_answers_410_gets_no_more_and_the_log_says_so_once(
    world: World,
    patient: Courier,
    hooks: Webhooks,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.answer = status(410)
    for _ in range(3):
        world.enqueue()
        world.pass_s(3600)
        patient.step()

    assert len(receiver.posts) == 1
    assert caplog.text.count("answered 410") == 1
    # A process that starts meanwhile says so, too.
    Courier(hooks, receiver.url, [SECRET]).step()
    assert caplog.text.count("answered 410") == 2
    receiver.answer = status(204)
    hooks.resume()
    while patient.step():
        world.pass_s(1)
    assert sum(len(document["events"]) for document in receiver.documents[1:]) == 3


def test_a_receiver_that_takes_no_large_posts_gets_small_ones(
    world: World, patient: Courier, receiver: Receiver
) -> None:
    def answer_by_size(handler: BaseHTTPRequestHandler) -> None:
        is_large = int(handler.headers["Content-Length"]) > 400
        status(413 if is_large else 204)(handler)

    receiver.answer = answer_by_size
    jobs = [world.enqueue() for _ in range(5)]
    while patient.step():
        pass

    taken = [json.loads(body) for _, body in receiver.posts if len(body) <= 400]
    assert [event["job_id"] for document in taken for event in document["events"]] == jobs
    assert len({headers["webhook-id"] for headers, _ in receiver.posts}) == len(receiver.posts)


@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_respected(
    world: World, patient: Courier, receiver: Receiver, code: int
) -> None:
    receiver.answer = status(code, **{"Retry-After": "90"})
    world.enqueue()
    patient.step()
    receiver.answer = status(204)
    world.pass_s(89)
    assert not patient.step()
    world.pass_s(1)
    assert patient.step()
    assert len(receiver.posts) == 2


def test_a_receiver_that_is_absent_costs_nothing_but_time(
    world: World, hooks: Webhooks, receiver: Receiver
) -> None:
    world.enqueue()
    absent = Courier(hooks, f"http://127.0.0.1:{free_port()}/", [SECRET], timeout_s=TIMEOUT_S)
    assert absent.step()
    world.pass_s(5)
    Courier(hooks, receiver.url, [SECRET]).step()

    assert len(receiver.posts) == 1
    assert hooks.count_waiting() == 0


def test_a_long_answer_is_not_read(world: World, courier: Courier, receiver: Receiver) -> None:
    receiver.answer = flood
    world.enqueue()
    courier.step()

    assert courier.step() is False  # it said 200


def test_a_delivery_that_nobody_took_for_a_day_is_replayed_by_hand(
    world: World, courier: Courier, hooks: Webhooks, receiver: Receiver
) -> None:
    receiver.answer = status(503)
    world.enqueue()
    while not hooks.dead():
        courier.step()
        world.pass_s(3600)
    tries = len(receiver.posts)
    assert 20 <= tries <= 26
    receiver.answer = status(200)
    assert not courier.step()
    hooks.replay(hooks.dead()[0].id)
    assert courier.step()

    assert len({json.dumps(document) for document in receiver.documents}) == 1
    assert len(receiver.posts) == tries + 1


def test_no_log_holds_the_address_the_secret_or_a_phone(
    world: World, courier: Courier, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for reply in (status(200), status(500), stall):
        receiver.answer = reply
        world.enqueue()
        world.pass_s(1)
        courier.step()

    assert "webhook delivery=" in caplog.text
    for secret in (SECRET, "shop=1", "1234567"):
        assert secret not in caplog.text


def test_the_thread_outlives_redis_and_the_unforeseen(
    hooks: Webhooks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    courier, stop, calls = Courier(hooks, "http://127.0.0.1:9", [SECRET]), threading.Event(), []

    def step() -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise ConnectionError("of Redis' client")
        if len(calls) == 2:
            raise ZeroDivisionError
        stop.set()
        return True

    monkeypatch.setattr(courier, "step", step)
    monkeypatch.setattr("worker.courier.IDLE_S", 0.01)
    courier.run(stop)

    assert len(calls) == 3
    assert "ZeroDivisionError" in caplog.text


def test_a_courier_works_while_its_process_does(
    environ: dict[str, str], receiver: Receiver
) -> None:
    more = {"SMSQ_WEBHOOK_URL": receiver.url, "SMSQ_WEBHOOK_SECRET": SECRET}
    settings = Settings.from_env(environ | more)
    world = World(settings)
    with courier_at_work(settings):
        job = world.enqueue()
        wait_until(lambda: receiver.posts, "the news has come")
    assert receiver.documents[0]["events"][0]["job_id"] == job
    assert "courier" not in {thread.name for thread in threading.enumerate()}
    world.redis.close()


def test_news_goes_by_a_proxy_to_a_receiver_with_its_own_ca(
    world: World, environ: dict[str, str], self_signed: SelfSigned
) -> None:
    with (
        raw_server(answering(answer(200)), self_signed.context) as receiver,
        raw_server(relay) as proxy,
    ):
        more = {
            "SMSQ_WEBHOOK_URL": receiver.url,
            "SMSQ_WEBHOOK_SECRET": SECRET,
            "SMSQ_WEBHOOK_CA_FILE": self_signed.ca_file,
            "SMSQ_WEBHOOK_PROXY": proxy.url,
        }
        with courier_at_work(Settings.from_env(environ | more, needs_webhook=True)):
            world.enqueue()
            wait_until(lambda: receiver.received, "the news has come")

        (asked,) = proxy.received
        assert asked.method == "CONNECT"
        assert receiver.received[0].method == "POST"


def test_a_receiver_of_an_unknown_ca_gets_nothing(
    hooks: Webhooks, world: World, self_signed: SelfSigned
) -> None:
    with raw_server(answering(answer(200)), self_signed.context) as receiver:
        world.enqueue()
        Courier(hooks, receiver.url, [SECRET]).step()

        assert receiver.received == []
    assert hooks.count_waiting() == 1


def test_without_a_receiver_there_is_no_courier(settings: Settings) -> None:
    redis = connect(settings.redis_url)
    scripts = Scripts.of(redis, settings)
    with courier_at_work(settings):
        assert "courier" not in {thread.name for thread in threading.enumerate()}
    assert not redis.exists(scripts.keys.webhook)
    redis.close()

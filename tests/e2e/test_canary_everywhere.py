"""One search for a phone, a text, a token and passwords, planted in a whole deployment.

Looked through together: the operators' page, /metrics, logs as JSON at DEBUG, traces, the audit
trail, Flower's pages and the events that it hears, and what is posted to the webhook.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from redis import Redis

from smsq.models import BulkMessage, JobState, PersonalMessage
from tests.e2e.conftest import Deploy, Deployment, read_flower
from tests.e2e.test_canary import decode_bodies
from tests.e2e.test_traces import TRACED_WORKER
from tests.receiver import Receiver, status
from tests.support import wait_until
from tests.traces import FOLDER, tracing
from tests.worker.page.browsing import OPERATOR, READER, Visitor

pytestmark = [pytest.mark.slow, pytest.mark.real_redis, pytest.mark.timeout(240)]

PHONE = "37529739"  # and four digits that the simulator answers by
TEXT = "canary58213"
FLOWER_PASSWORD, GUESS = "flower-canary-password", "guessed-canary-password"
WEBHOOK_SECRET = "webhook-canary-secret"
SUFFIXES = ("4567", "0400", "0200", "0429", "0201", "0408", "0499")

#: Where it is searched, with words that show that something relevant was found there.
PLACES = {
    "page": "order-77",
    "metrics": "smsq_requests_total",
    "logs": '"level": "DEBUG"',
    "traces": "smsq.outcome",
    "audit": "recipients",
    "flower": "smsq.send_quick.urgent",
    "flower's events": "task-succeeded",
    "webhook": "order-77",
}


def forms_of(secret: str) -> Iterator[str]:
    """A secret as it may be written: itself, in an address, in base64 wherever it begins there."""
    yield secret
    if (quoted := urllib.parse.quote(secret, safe="")) != secret:
        yield quoted
    raw = secret.encode()
    for before in range(3):
        packed = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # What stands beside it decides over the outermost characters.
        yield packed[-(-8 * before // 6) : len(packed) - 1]


def find(secrets: Mapping[str, str], text: str) -> list[str]:
    """Name those that are in a text; a phone counts without what people put between its digits."""
    found = {name for name, one in secrets.items() if any(form in text for form in forms_of(one))}
    if re.search(r"(?<!\d)(?:375|8|80)?[\s().\-]*29[\s().\-]+739(?!\d)", text):
        found.add("phone")
    return sorted(found)


@contextmanager
def overhearing(deployment: Deployment) -> Iterator[list[str]]:
    """Hear whatever is published through the broker during the block, events among it."""
    redis = Redis(port=deployment.ports["redis"], decode_responses=True)
    heard: list[str] = []
    pubsub = redis.pubsub()
    pubsub.psubscribe("*")
    is_over = threading.Event()

    def hear() -> None:
        while not is_over.is_set():
            message = pubsub.get_message(timeout=0.2)
            if message and message["type"] == "pmessage":
                heard.append(decode_bodies(str(message["data"])))

    thread = threading.Thread(target=hear)
    thread.start()
    try:
        yield heard
    finally:
        is_over.set()
        thread.join()
        pubsub.close()
        redis.close()


def run_cli(deployment: Deployment, *words: str) -> str:
    command = [sys.executable, "-m", "smsq.cli", *words]
    ran = subprocess.run(command, env=deployment.environ, capture_output=True, text=True)
    return ran.stdout + ran.stderr


def send_all(deployment: Deployment) -> list[str]:
    """Plant phone and text in messages of each kind, with each end."""
    queue = deployment.queue
    jobs = [
        str(
            queue.send_quick(
                f"+{PHONE}{suffix}", f"{TEXT} {suffix}", reference="order-77", priority="urgent"
            )
        )
        for suffix in SUFFIXES
    ]
    phones = [f"{PHONE}{4568 + n}" for n in range(3)]
    texts = [(phone, f"{TEXT} {phone}") for phone in phones]
    jobs.append(str(queue.send_bulk([BulkMessage(name="Sale", text=TEXT, phones=phones)])))
    jobs.append(str(queue.send_bulk([PersonalMessage(name="Bills", texts=texts)])))
    queue.send_personal(phones[0], TEXT)
    rest = (JobState.QUEUED, JobState.WAITING, JobState.SUBMITTING)
    wait_until(lambda: not any(queue.stats().jobs[state] for state in rest), "all are settled")
    wait_until(lambda: queue.status(jobs[0]).is_final, "the first is delivered")
    return jobs


def act(deployment: Deployment, unknown: str, campaign: str) -> None:
    """Have operators write the phone wherever one may be written, and guess a password."""
    spelt = f"+375 29 739-45-67 ({PHONE}4567)"
    run_cli(deployment, "unknown", "settle", unknown, "accepted", "--why", f"{spelt} has it")
    run_cli(deployment, "status", campaign, "--recipients")
    run_cli(deployment, "optout", "add", f"+{PHONE}4599")
    later = deployment.queue.send_quick(
        f"{PHONE}4567", TEXT, send_at=datetime.now(UTC) + timedelta(days=1)
    )
    deployment.queue.cancel(later, by=f"{PHONE}4567")
    run_cli(deployment, "find", f"{PHONE}4567")
    with httpx.Client(base_url=deployment.url("admin"), timeout=30) as client:
        guest = Visitor(client)
        guest.try_to_log_in(OPERATOR[0], GUESS)
        guest.get(f"/nothing/{PHONE}4567?text={TEXT}")
    for path in (f"/receipts/{unknown}/1-{TEXT}", f"/{PHONE}4567"):
        post(deployment, path, f"phone={PHONE}4567&text={TEXT}")


def post(deployment: Deployment, path: str, body: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", deployment.ports["web"], timeout=20)
    connection.request("POST", path, body)
    connection.getresponse().read()
    connection.close()


def read_pages(deployment: Deployment, jobs: list[str], campaign: str) -> str:
    """All pages as an operator and as a reader see them, and what they find by the phone."""
    pages = []
    for who in (READER, OPERATOR):
        with httpx.Client(base_url=deployment.url("admin"), timeout=30) as client:
            visitor = Visitor(client).log_in(*who)
            menu = re.findall(r'<a href="(/[a-z]*)"', visitor.get("/").text)
            assert ("/audit" in menu) is (who == OPERATOR)
            paths = [*menu, f"/campaigns/{campaign}", *(f"/find/{job}" for job in jobs)]
            pages += [visitor.get(path) for path in [*paths, "/healthz"]]
            pages.append(visitor.post("/find", what="order-77"))
            pages.append(visitor.post("/find", what=f"{PHONE}4567"))
            pages.append(visitor.post(f"/stuck/job/{PHONE}4567/resend"))
    assert [page.status_code for page in pages].count(200) > len(jobs)
    return "".join(page.text + str(page.headers) for page in pages)


def read_flowers_pages(deployment: Deployment) -> str:
    tasks = read_flower(deployment, "/api/tasks")
    ids = re.findall(r'"uuid": "([^"]+)"', tasks)
    workers = json.loads(read_flower(deployment, "/api/workers?refresh=1"))
    pages = ["/workers", "/tasks", "/broker", "/metrics", "/api/task/types"]
    pages += [f"/task/{one}" for one in ids] + [f"/worker/{name}" for name in workers]
    return tasks + json.dumps(workers) + "".join(read_flower(deployment, page) for page in pages)


@pytest.fixture(scope="module")
def found(
    deploy: Deploy, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """What is to be read in each place; the secrets."""
    spans = tmp_path_factory.mktemp("traces") / "spans"
    spans.touch()
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        book = stack.enter_context(tracing(patch))
        app = stack.enter_context(Receiver())
        deployment = stack.enter_context(
            deploy(
                workers=0,
                has_flower=True,
                has_web=True,
                SMSQ_LOG="json",
                SMSQ_LOG_LEVEL="debug",
                SMSQ_TIMEOUT_S="1",
                SMSQ_GATHER_S="0.2",
                SMSQ_PER_PHONE="0",
                SMSQ_WEBHOOK_URL=app.url,
                SMSQ_WEBHOOK_SECRET=WEBHOOK_SECRET,
                SMSQ_WEB_READERS=":".join(READER),
                SMSQ_WEB_OPERATORS=":".join(OPERATOR),
                FLOWER_BASIC_AUTH=f"ops:{FLOWER_PASSWORD}",
            )
        )
        heard = stack.enter_context(overhearing(deployment))
        command = [sys.executable, "-c", TRACED_WORKER, str(spans), "worker"]
        deployment.start("worker", command, {"PYTHONPATH": str(FOLDER)})
        deployment.wait("worker", lambda: "ready" in deployment.tail("worker"))
        app.answer = status(500)
        jobs = send_all(deployment)
        app.answer = status(204)
        unknown = jobs[SUFFIXES.index("0408")]
        act(deployment, unknown, jobs[-1])
        wait_until(lambda: "task-succeeded" in "".join(heard), "Flower's events are heard")
        wait_until(lambda: jobs[0] in str(app.posts), "the webhook has the events")
        texts = {
            "page": read_pages(deployment, jobs[:-2], jobs[-1]),
            "metrics": httpx.get(deployment.url("admin") + "/metrics", timeout=30).text,
            "traces": spans.read_text() + book.written(),
            "audit": run_cli(deployment, "audit") + run_cli(deployment, "audit", "--json"),
            "flower": read_flowers_pages(deployment),
            "flower's events": "\n".join(heard),
            "webhook": str(app.posts),
            "logs": deployment.read_logs(),
        }
        yield (
            texts,
            {
                "phone": PHONE,
                "text": TEXT,
                "token": deployment.environ["SMSQ_GATEWAY_TOKEN"],
                "secret of receipts": deployment.environ["SMSQ_CALLBACK_SECRET"],
                "secret of the webhook": WEBHOOK_SECRET,
                "password of an operator": OPERATOR[1],
                "password of a reader": READER[1],
                "password of Flower": FLOWER_PASSWORD,
                "a guess": GUESS,
            },
        )


@pytest.mark.parametrize("place", PLACES)
def test_nothing_planted_is_found(found: tuple[dict[str, str], dict[str, str]], place: str) -> None:
    texts, secrets = found

    assert PLACES[place] in texts[place], "nothing relevant was looked through"
    assert find(secrets, texts[place]) == []


def test_the_trail_has_what_was_done_with_masked_phones(
    found: tuple[dict[str, str], dict[str, str]],
) -> None:
    audit = found[0]["audit"]
    for words in ("settle", "recipients", "optout add", "cancel", "+375*******67"):
        assert words in audit


@pytest.mark.parametrize(
    "written",
    [
        f"to={PHONE}4567",
        "+375 29 739-45-67",
        "(29) 739 45 67",
        base64.b64encode(f'["{PHONE}4567"]'.encode()).decode(),
        base64.b64encode(f'{{"to": "{PHONE}4567"}}'.encode()).decode(),
        base64.b64encode(f'x{{"to": "{PHONE}4567"}}'.encode()).decode(),
        "?password=guessed-canary-password",
    ],
)
def test_the_search_finds_what_is_there(written: str) -> None:
    assert find({"phone": PHONE, "guess": GUESS}, f"... {written} ...") != []
    assert find({"phone": PHONE}, "29 jobs, 739 times; +375*******67") == []

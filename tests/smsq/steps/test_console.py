"""`SMSQ_GATEWAY_URL=console:`: a developer sees what would be sent, and all is delivered."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from smsq.models import BulkMessage, JobState, PersonalMessage
from smsq.operate.doctor import examine
from smsq.queue import SmsQueue
from smsq.rings.presence import name_gateway
from smsq.settings import Settings
from smsq.steps.console import ConsoleGateway
from smsq.steps.resources import Resources
from smsq.testing.clock import Clock
from smsq.testing.drain import drain

TEXT = "Your code is 4821"
PHONE, MASKED = "375291234567", "+375*******67"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    del environ["SMSQ_GATEWAY_TOKEN"]
    quick = {"SMSQ_POLL_FIRST_S": "0.1", "SMSQ_RATE_PER_S": "1000", "SMSQ_BURST": "100"}
    return environ | quick | {"SMSQ_GATEWAY_URL": "console:"}


@pytest.fixture
def resources(environ: dict[str, str]) -> Iterator[Resources]:
    made = Resources.build(Settings.from_env(environ, needs_gateway=True))
    yield made
    made.close()


def print_to(resources: Resources, out: io.StringIO) -> None:
    settings, redis, matching = resources.settings, resources.redis, resources.matching
    object.__setattr__(resources, "gateway", ConsoleGateway(settings, redis, matching, out))


def work(resources: Resources) -> None:
    """Send, then poll: the clock is Redis' own, so the poll is waited for."""
    drain(resources, Clock(), for_s=0, after_send=lambda _: None)


def test_a_developer_reads_the_text_and_no_phone(resources: Resources, queue: SmsQueue) -> None:
    out = Terminal()
    print_to(resources, out)
    queue.send_quick(PHONE, TEXT)

    work(resources)

    assert out.getvalue() == f"sms from 123 to {MASKED}: {TEXT}\n"


def test_a_log_gets_no_text(resources: Resources, queue: SmsQueue) -> None:
    out = io.StringIO()
    print_to(resources, out)
    queue.send_quick(PHONE, TEXT)

    work(resources)

    assert out.getvalue() == f"sms from 123 to {MASKED}: (17 characters)\n"


def test_who_asks_for_texts_gets_them_anywhere(environ: dict[str, str], queue: SmsQueue) -> None:
    asked = environ | {"SMSQ_GATEWAY_URL": "console:text"}
    made = Resources.build(Settings.from_env(asked, needs_gateway=True))
    out = io.StringIO()
    print_to(made, out)
    queue.send_quick(PHONE, TEXT)

    work(made)

    assert TEXT in out.getvalue()
    made.close()


def test_all_is_reported_delivered_whichever_worker_asks(
    resources: Resources, environ: dict[str, str], queue: SmsQueue
) -> None:
    out = Terminal()
    print_to(resources, out)
    job = queue.send_quick(PHONE, TEXT)
    phones = [f"37529{1234567 + i}" for i in range(5)]
    campaign = queue.send_bulk(
        [
            BulkMessage(name="Sale", text="Half price", phones=phones),
            PersonalMessage(name="Bills", texts=[(PHONE, "You owe 3")]),
        ]
    )
    work(resources)
    assert "and 2 more: Half price" in out.getvalue()

    another = Resources.build(Settings.from_env(environ, needs_gateway=True))
    reports = [
        another.gateway.fetch_reports(int(message.message_id or 0), offset=0, rows=1000)
        for some_id in (job, campaign)
        for message in queue.status(some_id).messages
    ]
    another.close()

    assert [[row.gateway_status for row in page.rows] for page in reports] == [
        ["delivered"],
        ["delivered"] * 5,
        ["delivered"],
    ]
    assert [row.phone for row in reports[1].rows] == phones
    another_page = resources.gateway.fetch_reports(
        int(queue.status(campaign).messages[0].message_id or 0), offset=4, rows=2
    )
    assert [row.phone for row in another_page.rows] == phones[4:]
    assert resources.gateway.fetch_reports(1, offset=0, rows=10).row_count == 0


def test_doctor_says_what_it_is(environ: dict[str, str], resources: Resources) -> None:
    [check] = (check for check in examine(environ) if check.name == "gateway")

    assert check.detail.startswith("console: texts are printed")
    assert name_gateway("console:text") == name_gateway("console:") == "console"


def test_nothing_else_without_a_host_is_an_address() -> None:
    with pytest.raises(Exception, match="SMSQ_GATEWAY_URL: write scheme"):
        Settings.from_env({"SMSQ_GATEWAY_URL": "console:all"})


class Broken(Terminal):
    """A pipe whose reader has gone."""

    def write(self, said: str) -> int:
        raise BrokenPipeError


def closed() -> io.StringIO:
    made = io.StringIO()
    made.close()
    return made


@pytest.mark.parametrize("out", [Broken(), closed(), io.TextIOWrapper(io.BytesIO(), "ascii")])
def test_where_nothing_can_be_printed_messages_are_delivered_all_the_same(
    resources: Resources, queue: SmsQueue, out: io.StringIO
) -> None:
    print_to(resources, out)
    job = queue.send_quick(PHONE, TEXT, alphaname_id="Код")

    work(resources)

    assert queue.status(job).state in {JobState.ACCEPTED, JobState.DONE}


def test_a_terminal_obeys_no_text(resources: Resources, queue: SmsQueue) -> None:
    out = Terminal()
    print_to(resources, out)
    queue.send_quick(PHONE, "a\x1b[2J\rb\nc")

    work(resources)

    assert out.getvalue().endswith(": a\\x1b[2J\\rb\nc\n")

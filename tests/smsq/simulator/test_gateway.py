"""The simulated gateway over HTTP, asked by the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.client import GatewayClient
from smsq.models import MessageRequest, QuickRequest, ViberForward
from smsq.simulator.faults import AFTER_ACCEPTING, MAGIC, MEANINGS, Fault
from smsq.simulator.options import Options
from smsq.simulator.server import RunningSimulator, start_in_thread
from tests.support import wait_until

TOKEN = "simulator-token"
PHONE = "375291234567"
STALL_S = 0.6

#: What the client makes of each fault.
MEANS: dict[Fault, type[GatewayError]] = {
    Fault.BAD_REQUEST: RefusedError,
    Fault.ERROR_200: RefusedError,
    Fault.UNAUTHORIZED: MisconfiguredError,
    Fault.NOT_FOUND: MisconfiguredError,
    Fault.BUSY: BusyError,
    Fault.SERVER_ERROR: TemporaryError,
    Fault.HTML_200: UnknownOutcomeError,
    Fault.DROP_BEFORE: UnknownOutcomeError,
    Fault.DROP_AFTER: UnknownOutcomeError,
    Fault.BAD_GATEWAY: UnknownOutcomeError,
    Fault.GATEWAY_TIMEOUT: UnknownOutcomeError,
    Fault.STALL: UnknownOutcomeError,
}


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with start_in_thread() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> RunningSimulator:
    """The module's simulator, as if it had just been started."""
    defaults = {name: getattr(Options(), name) for name in Options.__slots__}
    at_once = {"sent_after_s": 0, "final_after_s": 0, "stall_s": STALL_S}
    running.change(**defaults | at_once | {"magic": True})
    running.reset()
    return running


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[GatewayClient]:
    made = GatewayClient(simulator.url, TOKEN, timeout_s=20)
    yield made
    made.close()


@pytest.fixture
def hasty(simulator: RunningSimulator) -> Iterator[GatewayClient]:
    """A client that does not wait for a stalled answer."""
    made = GatewayClient(simulator.url, TOKEN, timeout_s=STALL_S / 2)
    yield made
    made.close()


def quick(phone: str = PHONE, text: str = "code", alphaname_id: str = "1") -> QuickRequest:
    return QuickRequest(phone=phone, text=text, alphaname_id=alphaname_id)


def bulk(name: str, *phones: str, text: str | None = "sale") -> MessageRequest:
    recipients = {phone: None if text else f"for {phone}" for phone in phones}
    return MessageRequest(name=name, alphaname_id="1", text=text, recipients=recipients)


def test_a_quick_message_is_accepted_and_reported(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    viber = ViberForward(name_id=9, after_min=15)
    accepted = client.send_quick(
        QuickRequest(phone=PHONE, text="я" * 71, alphaname_id="1", viber=viber)
    )

    assert (accepted.gateway_status, accepted.parts) == ("NEW", 2)
    assert simulator.accepted() == {(PHONE, "я" * 71): 1}
    (row,) = client.fetch_reports(accepted.sms_id, offset=0, rows=10).rows
    assert (row.phone, row.gateway_status) == (PHONE, "delivered")
    assert row.d_sent is not None


def test_a_bulk_request_is_accepted_whole(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    messages = [bulk("a", PHONE, "375297654321"), bulk("b", PHONE, text=None)]
    accepted = client.send_bulk(messages, "")

    assert simulator.accepted() == {
        (PHONE, "sale"): 1,
        ("375297654321", "sale"): 1,
        (PHONE, f"for {PHONE}"): 1,
    }
    first, second = simulator.states()
    shown = simulator.get(f"/book/messages/{second}")
    assert (shown["name"], shown["uuid"]) == ("b", accepted.uuid)
    assert client.fetch_reports(first, offset=0, rows=10).row_count == 2


@pytest.mark.parametrize(("suffix", "magic"), MAGIC.items())
@pytest.mark.parametrize("way", ["quick", "bulk"])
def test_a_magic_phone_does_what_it_says(
    suffix: str, magic: object, way: str, simulator: RunningSimulator, hasty: GatewayClient
) -> None:
    fault, once = MAGIC[suffix].fault, MAGIC[suffix].once
    phone = f"37529123{suffix}"

    def send() -> object:
        if way == "quick":
            return hasty.send_quick(quick(phone, "sale"))
        return hasty.send_bulk([bulk("a", PHONE), bulk("b", phone)], "")

    with pytest.raises(GatewayError) as failed:
        send()
    assert type(failed.value) is MEANS[fault]
    times = 1 if fault in AFTER_ACCEPTING else 0
    assert simulator.accepted().get((phone, "sale"), 0) == times
    if once:
        assert send()
    else:
        with pytest.raises(MEANS[fault]):
            send()
    times += 1 if once or fault in AFTER_ACCEPTING else 0
    assert simulator.accepted().get((phone, "sale"), 0) == times


def test_a_stalled_answer_comes_in_the_end(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    assert client.send_quick(quick("375291230408")).sms_id
    assert simulator.accepted() == {("375291230408", "code"): 1}


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_may_strike_everybody_and_reports_too(
    fault: Fault, simulator: RunningSimulator, client: GatewayClient, hasty: GatewayClient
) -> None:
    sms_id = client.send_quick(quick()).sms_id
    simulator.change(fault_shares={fault: 1})

    with pytest.raises(MEANS[fault]):
        hasty.send_quick(quick(text="another"))
    with pytest.raises(GatewayError) as failed:
        hasty.fetch_reports(sms_id, offset=0, rows=1)

    # Nothing is unknown about a question.
    means = MEANS[fault]
    assert type(failed.value) is (TemporaryError if means is UnknownOutcomeError else means)
    assert simulator.accepted().get((PHONE, "another"), 0) == int(fault in AFTER_ACCEPTING)


@pytest.mark.parametrize("retry_after_s", [7, None])
def test_more_requests_than_the_limit_are_refused(
    retry_after_s: float | None, simulator: RunningSimulator, client: GatewayClient
) -> None:
    simulator.change(rate_per_s=0.001, burst=3, retry_after_s=retry_after_s)
    for n in range(3):
        client.send_quick(quick(text=f"{n}"))
    calls: list[Callable[[], object]] = [
        lambda: client.send_quick(quick()),
        lambda: client.send_bulk([bulk("a", PHONE)], ""),
        lambda: client.fetch_reports(1, offset=0, rows=1),
    ]
    for call in calls:
        with pytest.raises(BusyError) as busy:
            call()
        assert busy.value.retry_after_s == retry_after_s
    assert len(simulator.accepted()) == 3

    simulator.change(rate_per_s=0)
    client.send_quick(quick())


@pytest.mark.parametrize("in_200", [False, True])
def test_a_wrong_token_is_refused(
    in_200: bool, simulator: RunningSimulator, client: GatewayClient
) -> None:
    simulator.change(token="another", token_error_200=in_200)
    calls: list[Callable[[], object]] = [
        lambda: client.send_quick(quick()),
        lambda: client.send_bulk([bulk("a", PHONE)], ""),
        lambda: client.fetch_reports(1, offset=0, rows=1),
        client.check,
    ]
    for call in calls:
        with pytest.raises(MisconfiguredError) as wrong:
            call()
        assert wrong.value.status == (200 if in_200 else 401)
    assert simulator.accepted() == {}


def test_a_sender_that_does_not_exist_is_refused_with_200(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    simulator.change(alphanames=["1", "2"])
    client.send_quick(quick(alphaname_id="2"))
    with pytest.raises(RefusedError, match="Wrong alphaname") as refused:
        client.send_quick(quick(alphaname_id="3"))
    assert refused.value.status == 200
    assert len(simulator.accepted()) == 1


def test_pages_hold_every_row_once(client: GatewayClient, simulator: RunningSimulator) -> None:
    phones = [f"37529{n:07d}" for n in range(1000, 1025)]
    client.send_bulk([bulk("a", *phones)], "")
    (message_id,) = simulator.states()

    pages = [client.fetch_reports(message_id, offset=n, rows=10) for n in (0, 10, 20, 30)]

    assert [page.row_count for page in pages] == [10, 10, 5, 0]
    assert [row.phone for page in pages for row in page.rows] == phones


def test_rows_may_stand_in_another_order_each_time(
    client: GatewayClient, simulator: RunningSimulator
) -> None:
    phones = [f"37529{n:07d}" for n in range(1000, 1100)]
    client.send_bulk([bulk("a", *phones)], "")
    (message_id,) = simulator.states()
    simulator.change(shuffle_pages=True)

    first, second = (
        [row.phone for row in client.fetch_reports(message_id, offset=0, rows=100).rows]
        for _ in range(2)
    )
    assert first != second
    assert sorted(first) == sorted(second) == phones


def test_rows_shift_between_pages_when_asked_to(
    client: GatewayClient, simulator: RunningSimulator
) -> None:
    phones = [f"37529{n:07d}" for n in range(1000, 1100)]
    client.send_bulk([bulk("a", *phones)], "")
    (message_id,) = simulator.states()
    simulator.change(shift_pages=True)

    pages = [client.fetch_reports(message_id, offset=n, rows=25).rows for n in (0, 25, 50, 75)]
    seen = [row.phone for page in pages for row in page]
    assert len(seen) == 100
    assert len(set(seen)) < 100  # some came twice, others not at all


def test_reports_may_come_late(client: GatewayClient, simulator: RunningSimulator) -> None:
    simulator.change(visible_after_s=1000, final_after_s=1000)
    sms_id = client.send_quick(quick()).sms_id

    assert client.fetch_reports(sms_id, offset=0, rows=1).row_count == 0
    simulator.change(visible_after_s=0)
    assert client.fetch_reports(sms_id, offset=0, rows=1).rows[0].gateway_status == "sent"
    simulator.change(final_after_s=0.2)
    wait_until(lambda: simulator.states()[sms_id][PHONE] == "delivered", "it is delivered")


def test_a_message_that_nobody_sent_is_not_known(client: GatewayClient) -> None:
    with pytest.raises(RefusedError, match="message_id is not known"):
        client.fetch_reports(5, offset=0, rows=1)
    assert client.check() == "answers (400: message_id is not known)"


def test_too_many_recipients_are_refused(
    client: GatewayClient, simulator: RunningSimulator
) -> None:
    simulator.change(max_recipients=1)
    with pytest.raises(RefusedError, match="more than 1 recipients"):
        client.send_bulk([bulk("a", PHONE, "375297654321")], "")
    assert simulator.accepted() == {}


def test_a_gateway_that_keeps_no_connection_alive_says_so(simulator: RunningSimulator) -> None:
    def ask() -> str | None:
        url = f"{simulator.url}/api/v1/getSmsDeliveryList?token={TOKEN}&message_id=1"
        return requests.get(url, timeout=5).headers.get("Connection")

    assert ask() is None
    simulator.change(keeps_alive=False)
    assert ask() == "close"


@pytest.mark.parametrize(
    "clothes",
    [
        {"charset": "windows-1251"},
        {"is_packed": True},
        {"charset": "koi8-r", "is_packed": True, "keep_alive_s": 2},
    ],
)
def test_answers_are_understood_in_other_clothes(
    clothes: dict[str, object], simulator: RunningSimulator, client: GatewayClient
) -> None:
    simulator.change(**clothes, alphanames=["1"], final_after_s=0, sent_after_s=0)
    sms_id = client.send_quick(quick(text="Счёт ☎")).sms_id
    page = client.fetch_reports(sms_id, offset=0, rows=10)

    assert [row.phone for row in page.rows] == [PHONE]
    with pytest.raises(RefusedError, match="Wrong alphaname"):
        client.send_quick(quick(alphaname_id="3"))


def test_a_page_has_no_more_rows_than_its_cap(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    phones = [f"3752912345{n:02}" for n in range(10)]
    client.send_bulk([bulk("a", *phones)], "")
    [message_id] = simulator.states()
    simulator.change(most_page_rows=4)

    def count(offset: int, rows: int) -> int:
        return client.fetch_reports(message_id, offset=offset, rows=rows).row_count

    assert [count(0, 10), count(4, 10), count(8, 10), count(10, 10)] == [4, 4, 2, 0]
    assert count(0, 3) == 3


def test_busy_may_be_said_in_words(simulator: RunningSimulator, client: GatewayClient) -> None:
    simulator.change(says_busy_in_words=True)

    with pytest.raises(BusyError):
        client.send_quick(quick("375291230428"))
    assert simulator.accepted() == {}


def test_the_book_tells_whose_answer_did_not_say_that_they_were_accepted(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    client.send_quick(quick())
    for phone in ("375291230502", "375291230504"):
        with pytest.raises(UnknownOutcomeError):
            client.send_quick(quick(phone))

    assert simulator.get("/book/doubtful") == ["375291230502", "375291230504"]
    assert len(simulator.accepted()) == 3


def test_magic_numbers_do_nothing_unless_they_are_switched_on(
    simulator: RunningSimulator, client: GatewayClient
) -> None:
    simulator.change(magic=False)

    for suffix in MEANINGS:
        assert client.send_quick(quick(f"37529123{suffix}")).sms_id

    assert {word for words in simulator.states().values() for word in words.values()} == {
        "delivered"
    }

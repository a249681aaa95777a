"""Receipts of the simulator, as the real reader understands them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from smsq.gateway.client import GatewayClient
from smsq.gateway.receipts import match_receipt, read_receipt
from smsq.models import MessageRequest
from smsq.simulator.options import Options, ReceiptShape
from smsq.simulator.server import RunningSimulator, start_in_thread
from tests.smsq.gateway.raw import Connection, RawServer, Request, answer, answering, raw_server
from tests.support import free_port, wait_until

NAMES = ["Sale", "Счета"]


@pytest.fixture(scope="module")
def running() -> Iterator[RunningSimulator]:
    with start_in_thread() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: RunningSimulator) -> RunningSimulator:
    defaults = {name: getattr(Options(), name) for name in Options.__slots__}
    running.change(**defaults | {"receipt_after_s": 0})
    running.reset()
    return running


@pytest.fixture
def client(simulator: RunningSimulator) -> Iterator[GatewayClient]:
    made = GatewayClient(simulator.url, "simulator-token", timeout_s=20)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[RawServer]:
    """Somebody who takes every receipt."""
    with raw_server(answering(answer(200, b"{}"))) as server:
        yield server


def send(client: GatewayClient, callback_url: str) -> str:
    messages = [
        MessageRequest(name=name, alphaname_id="1", text="t", recipients={"375291234567": None})
        for name in NAMES
    ]
    return client.send_bulk(messages, callback_url).uuid


def wait_for(receiver: RawServer, n: int) -> list[Request]:
    wait_until(lambda: len(receiver.received) >= n, f"{n} receipts")
    return receiver.received


@pytest.mark.parametrize("shape", ReceiptShape)
def test_a_receipt_of_any_shape_teaches_the_message_ids(
    shape: ReceiptShape, simulator: RunningSimulator, client: GatewayClient, receiver: RawServer
) -> None:
    simulator.change(receipt_shape=shape)
    uuid = send(client, f"{receiver.url}/receipts/j1/5f?x=%20y")

    (receipt,) = wait_for(receiver, 1)

    assert receipt.head.startswith("POST /receipts/j1/5f?x=%20y HTTP/1.1")
    entries = read_receipt(receipt.body, receipt.header("Content-Type"))
    assert match_receipt(entries, NAMES) == dict(enumerate(simulator.states()))
    assert (uuid in receipt.body.decode()) == (shape is not ReceiptShape.BARE_IDS)
    assert all(entry.name is None for entry in entries) == (shape is ReceiptShape.BARE_IDS)
    wait_until(
        lambda: simulator.get("/book")["requests"].get("receipt answered") == 1, "it is counted"
    )


def test_a_receipt_may_be_posted_again(
    simulator: RunningSimulator, client: GatewayClient, receiver: RawServer
) -> None:
    simulator.change(receipt_repeat=3)
    send(client, receiver.url)

    received = wait_for(receiver, 3)

    assert len({receipt.body for receipt in received}) == 1
    assert received[0].path == "/"


def test_a_lost_receipt_never_comes(
    simulator: RunningSimulator, client: GatewayClient, receiver: RawServer
) -> None:
    simulator.change(receipt_lost_share=1)
    lost = send(client, receiver.url)
    simulator.change(receipt_lost_share=0)
    posted = send(client, receiver.url)

    (receipt,) = wait_for(receiver, 1)
    assert posted in receipt.body.decode()
    assert lost not in receipt.body.decode()


def test_a_receipt_waits_for_its_time_and_a_reset_forgets_it(
    simulator: RunningSimulator, client: GatewayClient, receiver: RawServer
) -> None:
    simulator.change(receipt_after_s=0.3)
    send(client, receiver.url)
    simulator.reset()
    second = send(client, receiver.url)

    assert receiver.received == []
    (receipt,) = wait_for(receiver, 1)
    assert second in receipt.body.decode()


def test_no_address_means_no_receipt(
    simulator: RunningSimulator, client: GatewayClient, receiver: RawServer
) -> None:
    send(client, "")
    posted = send(client, receiver.url)

    (receipt,) = wait_for(receiver, 1)
    assert posted in receipt.body.decode()


def answer_503(connection: Connection) -> None:
    connection.socket.sendall(answer(503))


@pytest.mark.parametrize("fail", [answer_503, Connection.reset, lambda connection: None])
def test_a_receipt_that_nobody_took_comes_again(
    fail: Callable[[Connection], None], simulator: RunningSimulator, client: GatewayClient
) -> None:
    def serve(connection: Connection) -> None:
        connection.read()
        if connection.number == 1:
            fail(connection)
        else:
            connection.socket.sendall(answer(204))

    with raw_server(serve) as receiver:
        send(client, receiver.url)
        first, second = wait_for(receiver, 2)
        assert first.body == second.body
        wait_until(
            lambda: simulator.get("/book")["requests"].get("receipt answered") == 1, "it was taken"
        )


def test_an_address_where_nobody_listens_troubles_nobody(
    simulator: RunningSimulator, client: GatewayClient, receiver: RawServer
) -> None:
    send(client, f"http://127.0.0.1:{free_port()}/")
    posted = send(client, receiver.url)

    assert posted in wait_for(receiver, 1)[0].body.decode()

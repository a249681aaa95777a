"""Nobody sees the token, a text or a whole phone, however a request fails."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

import pytest

from smsq.errors import GatewayError
from smsq.gateway.client import GatewayClient, Secret
from tests.smsq.gateway.raw import (
    BULK,
    PHONE,
    QUICK,
    TEXT,
    TOKEN,
    Connection,
    answer,
    client_of,
    raw_server,
)
from tests.support import free_port

HIDDEN = [
    *(TOKEN, quote(TOKEN), quote_plus(TOKEN), "4f1c9d72aa"),
    *(TEXT, quote(TEXT), quote_plus(TEXT), json.dumps(TEXT), "секретный", "K4Q8Z7"),
    *(PHONE, "375297654321", "owe 15 roubles"),
]
#: What a gateway can repeat of each call: what was in it.
SENT = {
    "quick": f"{TEXT} to {PHONE} with {TOKEN}",
    "bulk": f"{TEXT} to {PHONE}, 375297654321 (owe 15 roubles) with {TOKEN}",
    "reports": f"of {PHONE} and 375297654321 to {TOKEN}",
}
ASK: dict[str, Callable[[GatewayClient], object]] = {
    "quick": lambda client: client.send_quick(QUICK),
    "bulk": lambda client: client.send_bulk(BULK, ""),
    "reports": lambda client: client.fetch_reports(1, offset=0, rows=10),
}
QUERY = f"/api/v1/sendQuickSMS?{quote_plus(TOKEN)}&message={quote_plus(TEXT)}&phone={PHONE}"


def say(status: int, error: object) -> bytes:
    return answer(status, json.dumps({"error": error}).encode())


def answers(sent: str) -> dict[str, bytes]:
    odd = f"HTTP/1.1 200 OK\r\nno colon {TOKEN}\r\nContent-Length: 0\r\n\r\n"
    return {
        "refused": say(400, f"cannot send {sent}"),
        "refused with 200": say(200, f"cannot send {sent}"),
        "refused with the query": say(400, quote_plus(f"?{sent}")),
        "refused with a list": say(422, [{"why": sent, "request": {"token": TOKEN}}]),
        "wrong token": say(401, f"invalid token {TOKEN}"),
        "busy": say(429, sent),
        "temporary": say(500, sent),
        "html": answer(200, sent.encode()),
        "redirect": answer(302, b"", [f"Location: {QUERY}"]),
        "bad redirect": answer(302, b"", [f"Location: //[{TOKEN}"]),
        "accepted with another status": say(201, sent),
        "nothing": b"",
        "no http": sent.encode(),
        "odd header": odd.encode(),
        "cut": answer(200, b"{", length=100),
        "cookie": answer(400, b"{}", [f"Set-Cookie: token={TOKEN}; expires=never"]),
    }


KINDS = [*answers(""), "refused connection", "no such host", "silence", "reset", "TLS"]


@contextmanager
def bad_gateway(kind: str, sent: str) -> Iterator[str]:
    """Run what fails in one of the ways there are, if it must run."""
    if kind == "refused connection":
        yield f"http://127.0.0.1:{free_port()}"
        return
    if kind == "no such host":
        yield "http://[::1%25nowhere]"
        return

    def serve(connection: Connection) -> None:
        if kind == "TLS":
            connection.socket.sendall(answer(400))
            return
        connection.read()
        if kind == "silence":
            connection.stopped.wait(10)
        elif kind == "reset":
            connection.reset()
        else:
            connection.socket.sendall(answers(sent)[kind])

    with raw_server(serve) as server:
        yield server.url.replace("http:", "https:") if kind == "TLS" else server.url


def fail(kind: str, call: str) -> GatewayError:
    with (
        bad_gateway(kind, SENT[call]) as url,
        client_of(url, timeout_s=0.2) as client,
        pytest.raises(GatewayError) as failed,
    ):
        ASK[call](client)
    return failed.value


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", ASK)
def test_no_failure_shows_what_is_hidden(
    kind: str, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")

    error = fail(kind, call)

    shown = [str(error), repr(error), repr(vars(error)), pickle.dumps(error).decode("latin-1")]
    shown += traceback.format_exception(error)
    shown += smsq_frames(error)
    shown += [caplog.text, *(repr(vars(record)) for record in caplog.records)]
    shown += [record.getMessage() for record in caplog.records]
    for hidden in HIDDEN:
        assert not [text for text in shown if hidden in text], hidden
    assert error.__cause__ is None
    assert error.__context__ is None
    assert caplog.records, "urllib3 logs at DEBUG, or this test sees nothing"


def smsq_frames(error: GatewayError) -> list[str]:
    """Format the traceback with the local variables of every frame but the tests' own."""
    captured = traceback.TracebackException.from_exception(error, capture_locals=True)
    own = [frame for frame in captured.stack if "/tests/" not in frame.filename]
    assert [frame.name for frame in own][-1] == "_give"
    assert all(frame.locals for frame in own)
    return traceback.StackSummary.from_list(own).format()


def test_a_client_shows_its_address_alone() -> None:
    with client_of("https://gateway.example") as client:
        assert repr(client) == "GatewayClient('https://gateway.example')"
        assert TOKEN not in repr(vars(client))
    assert TOKEN not in f"{Secret(TOKEN)} {Secret(TOKEN)!r}"


@pytest.mark.parametrize(
    "kind", ["refused", "wrong token", "busy", "temporary", "nothing", "refused connection"]
)
def test_an_error_comes_back_from_a_pickle_as_it_was(kind: str) -> None:
    error = fail(kind, "quick")
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert (again.args, vars(again)) == (error.args, vars(error))
    assert again.outcome is error.outcome

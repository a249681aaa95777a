"""The client against servers on loopback: what each way of failing means for the job."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    NotSentError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.client import GatewayClient
from smsq.models import BulkAccepted, MessageRequest, Outcome, QuickAccepted, ReportRow
from tests.smsq.gateway.raw import (
    ACCEPTED,
    BULK,
    PHONE,
    QUICK,
    Connection,
    answer,
    answering,
    client_of,
    json_bytes,
    raw_server,
)
from tests.support import free_port

Serve = Callable[[Connection], None]


def read_then(act: Callable[[Connection], object]) -> Serve:
    def serve(connection: Connection) -> None:
        connection.read()
        act(connection)

    return serve


def send_raw(data: bytes) -> Serve:
    return read_then(lambda connection: connection.socket.sendall(data))


def failure(url: str, *, timeout_s: float = 10) -> GatewayError:
    """Fail a quick and a bulk request in the same way, and return how."""
    with client_of(url, timeout_s=timeout_s) as client, pytest.raises(GatewayError) as quick:
        client.send_quick(QUICK)
    with client_of(url, timeout_s=timeout_s) as client, pytest.raises(GatewayError) as bulk:
        client.send_bulk(BULK, "")
    assert type(quick.value) is type(bulk.value)
    return quick.value


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that connecting hangs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for held in waiting:
            held.setblocking(False)
            held.connect_ex(("127.0.0.1", port))
        yield port
        for held in waiting:
            held.close()


def test_each_endpoint_gives_its_typed_result() -> None:
    with raw_server(answering(answer(200, ACCEPTED))) as server, client_of(server.url) as client:
        assert client.send_quick(QUICK) == QuickAccepted(2197871, "NEW", 1)
    uuid = answer(200, json_bytes({"uuid": "cc9c8043", "success": "OK"}))
    with raw_server(answering(uuid)) as server, client_of(server.url) as client:
        assert client.send_bulk(BULK, "") == BulkAccepted("cc9c8043")
    rows = answer(200, json_bytes({"result": [{"phone": int(PHONE), "status": "sent"}]}))
    with raw_server(answering(rows)) as server, client_of(server.url) as client:
        page = client.fetch_reports(1, offset=0, rows=10)
        assert (page.rows, page.row_count) == ([ReportRow(PHONE, "sent", None)], 1)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (answer(200, b'{"error": "Wrong alphaname"}'), RefusedError),
        (answer(400, b'{"error": "no"}'), RefusedError),
        (answer(418), RefusedError),
        (answer(401), MisconfiguredError),
        (answer(403), MisconfiguredError),
        (answer(404, b"<h1>404</h1>"), MisconfiguredError),
        (answer(200, b'{"error": "invalid token"}'), MisconfiguredError),
        (answer(429), BusyError),
        (answer(500, b"<h1>500</h1>"), TemporaryError),
        (answer(503), TemporaryError),
        (answer(503, b'{"error": "cut', length=1000), TemporaryError),
        (answer(200, b"<h1>Thank you</h1>", ["Content-Type: text/html"]), UnknownOutcomeError),
        (answer(200, b"\x1f\x8b\x08\x00", ["Content-Encoding: gzip"]), UnknownOutcomeError),
        (answer(200, b'{"sms_id": 2', length=1000), UnknownOutcomeError),
        (answer(200, b""), UnknownOutcomeError),
        (answer(201, b'{"sms_id": 0, "uuid": ""}'), UnknownOutcomeError),
        (b"HTTP/1.1 204 No Content\r\n\r\n", UnknownOutcomeError),
        (b"HTTP/1.1 2", UnknownOutcomeError),
        (b"\x15\x03\x01\x00\x02\x02", UnknownOutcomeError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n", UnknownOutcomeError),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", UnknownOutcomeError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", UnknownOutcomeError),
        (b"", UnknownOutcomeError),
    ],
)
def test_an_answer_means_the_same_for_both_ways_to_send(
    data: bytes, kind: type[GatewayError]
) -> None:
    with raw_server(send_raw(data)) as server:
        assert type(failure(server.url)) is kind


@pytest.mark.parametrize("body", [ACCEPTED, json_bytes({"sms_id": 7, "status": "NEW"})])
@pytest.mark.parametrize("encoding", ["identity", "Identity", "utf-8", ""])
def test_an_acceptance_is_read_whatever_encoding_it_claims(body: bytes, encoding: str) -> None:
    said = answer(200, body, [f"Content-Encoding: {encoding}", "Content-Type: text/html"])
    with raw_server(answering(said)) as server, client_of(server.url) as client:
        assert client.send_quick(QUICK).sms_id in {7, 2197871}


def test_an_acceptance_in_chunks_is_read() -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (ACCEPTED[:9], ACCEPTED[9:]))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    whole, cut = head + chunks + b"0\r\n\r\n", head + chunks
    with raw_server(answering(whole)) as server, client_of(server.url) as client:
        assert client.send_quick(QUICK).sms_id == 2197871
    with raw_server(send_raw(cut)) as server:
        assert isinstance(failure(server.url), UnknownOutcomeError)


#: Ten years ago by our clock: a date is reckoned with the clock of who wrote it.
_DATES = ["Date: Fri, 25 Nov 2016 10:00:00 GMT", "Retry-After: Fri, 25 Nov 2016 10:00:09 GMT"]


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [(["Retry-After: 7"], 7.0), (_DATES, 9.0), (_DATES[1:], None), ([], None)],
)
def test_a_429_tells_its_pause_where_it_has_one(headers: list[str], pause_s: float | None) -> None:
    with raw_server(answering(answer(429, b"{}", headers))) as server:
        busy = failure(server.url)

    assert isinstance(busy, BusyError)
    assert busy.retry_after_s == pause_s


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["/elsewhere", "http://127.0.0.1:99999999/", "gopher://x", "//["])
def test_a_redirect_is_not_followed(status: int, place: str) -> None:
    with raw_server(answering(answer(status, b"", [f"Location: {place}"]))) as server:
        error = failure(server.url)

        assert isinstance(error, MisconfiguredError)
        assert error.status == status
        assert [request.path for request in server.received] == [
            "/api/v1/sendQuickSMS",
            "/api/v1/sendBulkSms",
        ]


def test_a_refused_connection_is_not_sent() -> None:
    error = failure(f"http://127.0.0.1:{free_port()}")

    assert isinstance(error, NotSentError)
    assert error.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize("host", ["[::1%25nowhere]", f"{'x' * 64}.example"])
def test_a_name_that_does_not_exist_is_not_sent(host: str) -> None:
    assert isinstance(failure(f"http://{host}"), NotSentError)


def test_a_connection_that_is_not_taken_in_time_is_not_sent(full_port: int) -> None:
    assert isinstance(failure(f"http://127.0.0.1:{full_port}", timeout_s=0.3), NotSentError)


def test_no_answer_in_time_is_unknown() -> None:
    with raw_server(read_then(lambda connection: connection.stopped.wait(10))) as server:
        error = failure(server.url, timeout_s=0.3)

        assert isinstance(error, UnknownOutcomeError)
        assert len(server.received) == 2


def test_a_reset_after_the_request_is_unknown() -> None:
    with raw_server(read_then(Connection.reset)) as server:
        assert isinstance(failure(server.url), UnknownOutcomeError)
        assert len(server.received) == 2


def test_a_reset_in_the_middle_of_the_answer_is_unknown() -> None:
    def cut(connection: Connection) -> None:
        connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
        connection.reset()

    with raw_server(read_then(cut)) as server:
        assert isinstance(failure(server.url), UnknownOutcomeError)


def test_a_refusal_of_a_body_half_written_is_read() -> None:
    def refuse_early(connection: Connection) -> None:
        connection.socket.recv(1024)
        connection.socket.sendall(answer(413, b'{"error": "too large"}', ["Connection: close"]))
        connection.socket.shutdown(socket.SHUT_WR)
        while connection.socket.recv(65536):
            pass

    large = [MessageRequest(name="n", alphaname_id="1", text="t" * 1_000_000, recipients={})]
    with (
        raw_server(refuse_early) as server,
        client_of(server.url) as client,
        pytest.raises(RefusedError, match="413: too large"),
    ):
        client.send_bulk(large, "")


def test_lost_reports_are_asked_for_again() -> None:
    with (
        raw_server(read_then(Connection.reset)) as server,
        client_of(server.url) as client,
        pytest.raises(TemporaryError),
    ):
        client.fetch_reports(1, offset=0, rows=10)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (answer(200, b'{"result": []}'), "answers, token taken"),
        (answer(400, b'{"error": "message_id is not known"}'), "answers (400: message_id"),
        (answer(429), "answers (429)"),
    ],
)
def test_a_check_says_that_the_gateway_answers(data: bytes, words: str) -> None:
    with raw_server(answering(data)) as server, client_of(server.url) as client:
        assert client.check().startswith(words)
        assert {request.method for request in server.received} == {"GET"}


def test_a_check_says_what_is_wrong() -> None:
    with (
        raw_server(answering(answer(401))) as server,
        client_of(server.url) as client,
        pytest.raises(MisconfiguredError),
    ):
        client.check()
    with client_of(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(NotSentError):
        client.check()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.example",
        "ftp://gateway.example",
        "https://",
        "https://gateway.example/api",
        "https://gateway.example?x=1",
        "https://gateway.example#x",
        "https://user:password@gateway.example",
    ],
)
def test_an_address_of_more_than_scheme_host_and_port_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="scheme, host and port"):
        GatewayClient(url, "token", timeout_s=1)

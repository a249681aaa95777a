"""Plain answers are read at once, and as http.client reads them; all others are left to it."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsq.gateway.http.replies import Reply, read_any, read_plain
from tests.smsq.gateway.raw import ACCEPTED, answer

MAX_BYTES = 1000

#: As nginx, uvicorn and a careless one write them.
USUAL = [
    ["Server: nginx", "Date: Thu, 26 Nov 2026 06:00:00 GMT", "Connection: keep-alive"],
    ["date: Thu, 26 Nov 2026 06:00:00 GMT", "server: uvicorn", "content-type: application/json"],
    ["X-Empty:", "Retry-After:7", "CONNECTION: Close", "Set-Cookie: a=b; c", "X.Y_z: \t (ok) \t"],
    [],
]

names = st.sampled_from(
    [
        *("Content-Length", "content-length", "Transfer-Encoding", "Connection", "Retry-After"),
        *("Date", "Content-Encoding", "X-Any", "X Any", "", " folded", "X-Any "),
    ]
)
values = st.sampled_from(
    [
        *("0", "4", "04", "+4", "-4", "4, 4", "4 ", "9" * 20, "\u0664", "chunked", "identity"),
        *("close", "Close, x", "keep-alive", "7", "Thu, 26 Nov 2026 06:00:00 GMT", "\x0b", "\xe9"),
    ]
) | st.text(st.characters(max_codepoint=255), max_size=5)
headers = st.lists(st.tuples(names, values), max_size=5)
starts = st.sampled_from(
    [
        *(
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200",
            "HTTP/1.1 200 ",
            "HTTP/1.1 429 Слишком",
            "HTTP/1.0 200",
        ),
        *("HTTP/1.1 204 No", "HTTP/1.1 304 No", "HTTP/1.1 100 Go", "HTTP/1.1 099 x", "HTTP/2 200"),
        *("HTTP/1.1  200", "HTTP/1.1 2000", "HTTP/1.1 503 \x0c", "http/1.1 200 OK", ""),
    ]
)
ends = st.sampled_from(["\r\n"] * 5 + ["\n", "\r", "\r\n\r\n"])
#: Mostly of the length that the header says, if it says one.
bodies = st.sampled_from([b"", b"{} \n", b"{}\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])


class Wire:
    """A socket that has these bytes to read, and then the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(self._data))


def as_http_client_reads(data: bytes) -> Reply:
    return read_any(Wire(data), "POST", MAX_BYTES)


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    lines = [draw(starts), *(f"{name}:{value}" for name, value in draw(headers))]
    if draw(st.booleans()):
        lines.append("Content-Length: 4")
    text = "".join(line + draw(ends) for line in lines) + draw(ends)
    return text.encode("utf-8" if draw(st.booleans()) else "latin-1", "replace")


@given(head=heads(), body=bodies)
@example(head=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 99 + b"Content-Length: 0\r\n\r\n", body=b"")
@example(head=b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100 + b"Content-Length: 0\r\n\r\n", body=b"")
def test_what_is_read_at_once_is_read_as_http_client_does(head: bytes, body: bytes) -> None:
    at_once = read_plain(head + body, MAX_BYTES)

    if at_once is not None:
        by_http_client = as_http_client_reads(head + body)
        assert at_once == replace(by_http_client, is_whole=at_once.is_whole)
        assert by_http_client.is_whole or not at_once.is_whole


@pytest.mark.parametrize("usual", USUAL)
@pytest.mark.parametrize("status", [200, 201, 302, 400, 429, 500, 503])
def test_what_common_servers_write_is_read_at_once(status: int, usual: list[str]) -> None:
    said = answer(status, ACCEPTED, usual)

    at_once = read_plain(said, MAX_BYTES)

    assert at_once is not None
    assert (at_once.status, at_once.body) == (status, ACCEPTED)
    assert at_once == as_http_client_reads(said)


@pytest.mark.parametrize("usual", USUAL)
def test_an_answer_that_is_not_all_there_is_not_read_at_once(usual: list[str]) -> None:
    said = answer(200, ACCEPTED, usual)

    assert not [n for n in range(len(said)) if read_plain(said[:n], MAX_BYTES)]


@pytest.mark.parametrize("more", [b"\n", answer(200, ACCEPTED)])
def test_a_connection_that_has_more_than_the_answer_is_not_used_again(more: bytes) -> None:
    at_once = read_plain(answer(200, ACCEPTED) + more, MAX_BYTES)

    assert at_once is not None
    assert (at_once.body, at_once.is_whole) == (ACCEPTED, False)


def test_an_answer_above_the_limit_has_no_body() -> None:
    said = answer(200, b" " * (MAX_BYTES + 1))

    assert read_plain(said, MAX_BYTES) is None
    assert as_http_client_reads(said).body is None
    assert not as_http_client_reads(said).is_whole


def test_an_answer_shows_no_body() -> None:
    assert "2197871" not in repr(read_plain(answer(200, ACCEPTED), MAX_BYTES))


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, ["Transfer-Encoding: chunked"], b"0\r\n\r\n"),
        (200, ["Content-Length: 2"], b"{}"),
        (429, ["Retry-After: 7", "retry-after: 8"], b""),
        (200, ["X-Folded: a", " b"], b"{}"),
        (200, ["X-Odd: \x0b"], b"{}"),
        (204, [], b""),
        (304, [], b""),
        (100, [], b""),
    ],
)
def test_what_has_rules_of_its_own_is_left_to_http_client(
    status: int, headers: list[str], body: bytes
) -> None:
    assert read_plain(answer(status, body, headers), MAX_BYTES) is None

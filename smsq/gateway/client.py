"""The gateway's three endpoints, one method each.

In:  typed requests. Out: typed results, or a `GatewayError` that holds no token, text or phone.

All that touches the token runs in functions that return errors; only then, in a frame without it,
are they raised. So no traceback, not even one with local variables, can show it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPException
from typing import TypeVar
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError

from smsq.errors import (
    GatewayError,
    MisconfiguredError,
    NotSentError,
    TemporaryError,
    UnknownOutcomeError,
    UnpreparedError,
    say_unforeseen,
)
from smsq.gateway import answers, calls
from smsq.gateway.http.connections import Connections
from smsq.gateway.http.deadline import exchange
from smsq.gateway.http.encodings import unpack
from smsq.gateway.reports import ReportPage
from smsq.models import BulkAccepted, MessageRequest, QuickAccepted, QuickRequest

_T = TypeVar("_T")

#: How http.client says that a proxy did not make a tunnel, and with which status.
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")


class Secret:
    """A value that no repr, log or traceback shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, for the one place that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(********)"


class GatewayClient:
    """Speaks to one gateway. Thread-safe.

    Args:
        url: Scheme, host and port; `/api/v1/...` is appended.
        token: The gateway's API key.
        timeout_s: For a whole request, connecting and the last byte of the answer included.
        ca_file: PEM with the certificates to trust; "" for those that come with requests.
        proxy: URL of an HTTP proxy on the way to the gateway; "" for none.
    """

    def __init__(
        self, url: str, token: str, *, timeout_s: float, ca_file: str = "", proxy: str = ""
    ) -> None:
        parts = urlsplit(url)
        extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme not in {"http", "https"} or not parts.hostname or extra:
            raise ValueError("url: write scheme, host and port, as in https://gateway.example")
        self._url = url.rstrip("/")
        self._token = Secret(token)
        self._timeout_s = timeout_s
        self._connections = Connections(self._url, ca_file=ca_file, proxy=proxy)

    def __repr__(self) -> str:
        return f"GatewayClient({self._url!r})"

    def send_quick(self, request: QuickRequest) -> QuickAccepted:
        """Send one text to one phone.

        Raises:
            GatewayError: Of the kind that says what it means for the job.
        """
        return _give(self._ask(partial(calls.quick_call, request), answers.read_quick))

    def send_bulk(self, messages: Sequence[MessageRequest], callback_url: str) -> BulkAccepted:
        """Send texts to many phones in one request.

        Args:
            messages: At least one.
            callback_url: Where the receipt goes; "" for nowhere.

        Raises:
            GatewayError: Of the kind that says what it means for the job.
        """
        return _give(self._ask(partial(calls.bulk_call, messages, callback_url), answers.read_bulk))

    def fetch_reports(
        self, message_id: int, *, offset: int, rows: int, size: int = 0
    ) -> ReportPage:
        """Fetch one page of what became of a message.

        Args:
            message_id: The gateway's id.
            offset: First row, 0 or more.
            rows: Most rows, 1 or more.
            size: Recipients of the message, where known: the page may have them all.

        Raises:
            GatewayError: Never `UnknownOutcomeError`: asking again is harmless.
        """
        call = partial(calls.report_call, message_id, offset=offset, rows=rows, size=size)
        result = self._ask(call, answers.read_reports)
        if isinstance(result, UnknownOutcomeError):
            result = TemporaryError(result.reason, status=result.status)
        return _give(result)

    def check(self) -> str:
        """Find out whether address and token are good, without sending anything.

        Returns:
            What the gateway said, in a few words.

        Raises:
            GatewayError: It cannot be reached, or refuses the token.
        """
        call = partial(calls.report_call, 1, offset=0, rows=1)
        result = self._ask(call, answers.read_reports)
        if isinstance(result, ReportPage):
            return "answers, token taken"
        if result.status is not None and not isinstance(result, MisconfiguredError):
            return f"answers ({result.reason})"
        return _give(result)

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def _ask(
        self, make: Callable[[], calls.Call], read: Callable[[answers.Answer], _T | GatewayError]
    ) -> _T | GatewayError:
        try:
            call = make()
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing was written
            return UnpreparedError(say_unforeseen("the request cannot be made", error))
        answer = self._exchange(call)
        if isinstance(answer, GatewayError):
            return answer
        try:
            return read(answer)
        except Exception as error:  # noqa: BLE001 - the request was written
            why = say_unforeseen("the answer cannot be judged", error)
            return UnknownOutcomeError(why, status=answer.status)

    def _exchange(self, call: calls.Call) -> answers.Answer | GatewayError:
        token, connections = self._token.reveal(), self._connections
        with exchange(self._timeout_s) as state:
            try:
                way = connections.way
                request = calls.write(call, token, origin=way.origin, headers=way.headers)
                reply = connections.ask(request, method=call.method, max_bytes=call.max_bytes)
            except Exception as error:  # noqa: BLE001 - whatever it is, it may hold the token
                return _lost(error, has_written=state.has_written)
        return answers.Answer(
            status=reply.status,
            retry_after=reply.headers.get("retry-after"),
            sent_at=reply.headers.get("date"),
            content_type=reply.headers.get("content-type"),
            body=unpack(reply.body, reply.headers.get("content-encoding"), call.max_bytes),
            secrets=(token, *call.secrets),
            names=call.names,
        )


def _lost(error: Exception, *, has_written: bool) -> GatewayError:
    """Judge a request that got no answer by the one thing that matters: was anything written?"""
    kind = type(error).__name__
    if has_written:
        return UnknownOutcomeError(f"no answer after the request was written ({kind})")
    if isinstance(error, ssl.SSLError) and not _is_broken_off(error):
        return MisconfiguredError(f"no trusted TLS connection ({kind})", is_certain=True)
    if not isinstance(error, OSError | HTTPError | HTTPException):
        return UnpreparedError(say_unforeseen("the request cannot be written", error))
    if refused := _TUNNEL_REFUSED.match(str(error)):
        return NotSentError(f"the proxy refuses the way to the gateway: {refused[1]}")
    return NotSentError(f"the gateway could not be reached ({kind})")


def _is_broken_off(error: BaseException | None) -> bool:
    """Whether the other side hung up during the handshake, as a gateway that restarts does."""
    while error is not None:
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _give(result: _T | GatewayError) -> _T:
    if isinstance(result, GatewayError):
        raise result
    return result

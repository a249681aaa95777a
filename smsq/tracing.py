"""Traces: a span for each call that enqueues, and for each attempt, joined through the ledger.

In:  the names and numbers of what is done. Out: spans of the OpenTelemetry SDK that the process has
set up, if it has; and what of them is kept with a job, as W3C's `traceparent` has it.
Never: a text, a phone, or the gateway's words.

Whoever traces has imported OpenTelemetry's API before. So nothing is imported here: a process that
has not done so pays a look into a dictionary. And nothing that a tracer raises reaches a caller: no
message is lost or sent twice for it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

#: Spans of senders that share a request, and of rows handed over together, that one span links to.
MOST_LINKS = 32

#: What spans are called.
ENQUEUE, ATTEMPT = "smsq.enqueue", "smsq.attempt"

#: Of every attribute of ours, but for those that OpenTelemetry has a name for.
_PREFIX = "smsq."
_NAMES = {"http_status": "http.response.status_code", "error_type": "error.type"}

_API = "opentelemetry.trace"
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")

#: Spans that messages come from which another process hands over, by the messages' keys.
_origins: ContextVar[Mapping[str, str]] = ContextVar("smsq_origins", default={})  # noqa: B039


class NoSpan:
    """What stands for a span where nobody traces."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    def note(self, *, is_failed: bool = False, **facts: object) -> None:
        """Forget what a span would have said."""


class _Span(NoSpan):
    """One span, current while its block runs.

    What is raised is known by its type alone: an exception's words may be anybody's.
    """

    def __init__(self, api: Any, opened: Any) -> None:
        self._api, self._opened = api, opened
        self._span: Any = None

    def __enter__(self) -> Self:
        try:
            self._span = self._opened.__enter__()
        except Exception:  # noqa: BLE001 - nothing is worse for a span that is missing
            self._span = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._span is None:
            return
        if kind:
            self.note(error_type=kind.__name__, is_failed=True)
        try:
            self._opened.__exit__(None, None, None)
        except Exception:  # noqa: BLE001 - nor for one that cannot be ended
            return

    def note(self, *, is_failed: bool = False, **facts: object) -> None:
        """Say more of what is done; what is None or empty is left out."""
        if self._span is None:
            return
        try:
            self._span.set_attributes(_name(facts))
            if is_failed:
                self._span.set_status(self._api.StatusCode.ERROR)
        except Exception:  # noqa: BLE001 - nor for one that says less
            return


_NO_SPAN = NoSpan()


def enqueueing(**facts: object) -> NoSpan:
    """Open the span of a call that enqueues, with what is known of it from the start."""
    return _open(ENQUEUE, "PRODUCER", facts, links=[*_origins.get().values()])


def attempting(traceparent: str, links: Sequence[str], **facts: object) -> NoSpan:
    """Open the span of an attempt.

    Args:
        traceparent: Of the call that enqueued the job; "" for none.
        links: Of the calls whose messages share the request.
        **facts: What is known of it from the start.
    """
    return _open(ATTEMPT, "CLIENT", facts, links=links, parent=traceparent)


def traceparent_of(key: str | None = None) -> str:
    """Write the span that a message comes from, to be kept with it; "" where nobody traces.

    Args:
        key: The message's, which may tell that it comes from another process.
    """
    if key and (origin := _origins.get().get(key)):
        return origin
    api = sys.modules.get(_API)
    if api is None:
        return ""
    try:
        one = api.get_current_span().get_span_context()
        written = f"00-{one.trace_id:032x}-{one.span_id:016x}-{int(one.trace_flags):02x}"
    except Exception:  # noqa: BLE001 - a message needs no trace
        return ""
    return written if _read(written) else ""


def trace_fields(key: str | None = None) -> dict[str, str]:
    """Fields that a job has from the span it comes from; none where nobody traces."""
    traceparent = traceparent_of(key)
    return {"traceparent": traceparent} if traceparent else {}


@contextmanager
def on_behalf_of(origins: Mapping[str, str]) -> Iterator[None]:
    """Hand over messages, during the block, that other processes wrote down.

    Args:
        origins: Key of a message → `traceparent` of where it comes from; what is none is left out.
    """
    known = {key: one for key, one in origins.items() if is_traceparent(one)}
    token = _origins.set(known)
    try:
        yield
    finally:
        _origins.reset(token)


def is_traceparent(text: object) -> bool:
    """Say whether a text names a span."""
    return isinstance(text, str) and _read(text) is not None


def _open(
    name: str, kind: str, facts: Mapping[str, Any], *, links: Sequence[str], parent: str = ""
) -> NoSpan:
    api: Any = sys.modules.get(_API)
    if api is None:
        return _NO_SPAN
    try:
        above = _context_of(api, parent)
        beside = [_context_of(api, one) for one in links[:MOST_LINKS]]
        opened = api.get_tracer("smsq").start_as_current_span(
            name,
            context=api.set_span_in_context(api.NonRecordingSpan(above)) if above else None,
            kind=getattr(api.SpanKind, kind),
            attributes=_name(facts),
            links=[api.Link(one) for one in beside if one],
            record_exception=False,
            set_status_on_exception=False,
        )
    except Exception:  # noqa: BLE001 - whatever an SDK does, the message goes out
        return _NO_SPAN
    return _Span(api, opened)


def _read(text: str) -> tuple[int, int, int] | None:
    found = _TRACEPARENT.fullmatch(text)
    if not found:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return (trace_id, span_id, flags) if trace_id and span_id else None


def _context_of(api: Any, text: str) -> Any:
    """Read a `traceparent`; None for one that is malformed."""
    read = _read(text)
    if read is None:
        return None
    trace_id, span_id, flags = read
    return api.SpanContext(trace_id, span_id, is_remote=True, trace_flags=api.TraceFlags(flags))


def _name(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _NAMES.get(name, _PREFIX + name): str(value) if isinstance(value, str) else value
        for name, value in facts.items()
        if value not in (None, "")
    }

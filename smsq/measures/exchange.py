"""Exchange: one request to the gateway, as it is measured. Pure.

In:  what the client returned or raised. Out: endpoint, outcome and a reason out of a short list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType

from smsq.domain.account import Endpoint
from smsq.errors import GatewayError
from smsq.models import MessageRequest, Outcome, QuickAccepted
from smsq.text.parts import count_parts

#: The outcome of a request for reports.
ANSWERED = "answered"

#: Statuses with a reason of their own; the others share one for each hundred.
_STATUSES = frozenset({400, 401, 402, 403, 404, 408, 422, 429, 500, 502, 503, 504})

#: Reasons of failures without a status.
_WITHOUT_ANSWER: Mapping[Outcome, str] = MappingProxyType(
    {
        Outcome.NOT_SENT: "no_connection",
        Outcome.UNKNOWN: "no_answer",
        Outcome.MISCONFIGURED: "tls",
    }
)

#: A price is counted in millionths of the currency.
_MILLIONTHS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request to the gateway.

    Attributes:
        endpoint: `q` sendQuickSMS, `b` sendBulkSms, `p` getSmsDeliveryList; "" for no request.
        outcome: A word of `Outcome`; `answered` for a page of reports.
        reason: Why it was not accepted, out of a short list; never the gateway's own words.
        took_ms: From the call to its answer.
        parts: SMS parts of all its messages, where it was accepted.
        part_price: Of one part, in millionths of the currency.
    """

    endpoint: str
    outcome: str
    reason: str = ""
    took_ms: float | None = None
    parts: int = 0
    part_price: int = 0

    @property
    def args(self) -> tuple[str | int, ...]:
        """What settle.lua takes."""
        return (*self.poll_args, self.parts, self.part_price)

    @property
    def poll_args(self) -> tuple[str | int, ...]:
        """What poll_page.lua takes, behind the endpoint."""
        took_ms = "" if self.took_ms is None else round(self.took_ms)
        return (self.endpoint, self.outcome, self.reason, took_ms)


#: No request was made.
NO_EXCHANGE = Exchange(endpoint="", outcome="")


def measure(endpoint: Endpoint, result: object, took_ms: float) -> Exchange:
    """Measure a request.

    Args:
        endpoint: What was asked.
        result: A `GatewayError`, or whatever else the client returned.
        took_ms: From the call to its answer.
    """
    letter = endpoint.value[0]
    if isinstance(result, GatewayError):
        if result.outcome is Outcome.UNPREPARED:
            return NO_EXCHANGE
        reason = name_reason(result)
        return Exchange(endpoint=letter, outcome=result.outcome, reason=reason, took_ms=took_ms)
    outcome = ANSWERED if endpoint is Endpoint.POLL else Outcome.ACCEPTED
    return Exchange(endpoint=letter, outcome=outcome, took_ms=took_ms)


def measure_send(
    endpoint: Endpoint,
    result: object,
    took_ms: float,
    messages: Iterable[MessageRequest],
    price: Decimal | None,
) -> Exchange:
    """Measure a request that sends: with its parts and their price where it was accepted."""
    exchange = measure(endpoint, result, took_ms)
    if isinstance(result, GatewayError):
        return exchange
    told = result.parts if isinstance(result, QuickAccepted) else 0
    parts = told or count_all_parts(messages)
    return replace(exchange, parts=parts, part_price=to_millionths(price))


def name_reason(failure: GatewayError) -> str:
    """Name the reason of a failure out of a short list, as `http_503` or `no_answer`."""
    if failure.status is None:
        return _WITHOUT_ANSWER.get(failure.outcome, "other")
    if failure.status in _STATUSES:
        return f"http_{failure.status}"
    return f"http_{failure.status // 100}xx"


def count_all_parts(messages: Iterable[MessageRequest]) -> int:
    """Count the SMS parts of a request: a common text once for each recipient."""
    total = 0
    for message in messages:
        common = count_parts(message.text).count if message.text else 0
        total += sum(
            count_parts(own).count if own else common for own in message.recipients.values()
        )
    return total


def to_millionths(price: Decimal | None) -> int:
    """Write a price in millionths; 0 where there is none."""
    return round(price * _MILLIONTHS) if price is not None else 0

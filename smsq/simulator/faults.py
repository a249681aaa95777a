"""Faults: how a gateway misbehaves, by a phone's last digits or for a share of all requests. Pure.

In:  phones of a request, and dice. Out: the fault to play, or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Fault(StrEnum):
    """What goes wrong with one request."""

    BAD_REQUEST = "bad_request"  #: 400, not accepted
    ERROR_200 = "error_200"  #: 200 with {"error": ...}, not accepted
    UNAUTHORIZED = "unauthorized"  #: 401, not accepted
    NOT_FOUND = "not_found"  #: 404, not accepted
    BUSY = "busy"  #: 429, not accepted
    SERVER_ERROR = "server_error"  #: 500, not accepted
    HTML_200 = "html_200"  #: accepted, answered with a page of HTML
    DROP_BEFORE = "drop_before"  #: connection closed without an answer, not accepted
    DROP_AFTER = "drop_after"  #: accepted, connection closed without an answer
    STALL = "stall"  #: accepted, answered after `stall_s`
    BAD_GATEWAY = "bad_gateway"  #: accepted, and a proxy in between says 502
    GATEWAY_TIMEOUT = "gateway_timeout"  #: accepted, and a proxy in between says 504


#: Faults that strike after the message went into the book.
AFTER_ACCEPTING = frozenset(
    {
        *(Fault.HTML_200, Fault.DROP_AFTER, Fault.STALL),
        *(Fault.BAD_GATEWAY, Fault.GATEWAY_TIMEOUT),
    }
)


@dataclass(frozen=True, slots=True)
class Magic:
    """What a phone's last four digits bring about; `once`: the second try goes well."""

    fault: Fault
    once: bool
    meaning: str


MAGIC: Mapping[str, Magic] = MappingProxyType(
    {
        "0400": Magic(Fault.BAD_REQUEST, once=False, meaning="400"),
        "0200": Magic(Fault.ERROR_200, once=False, meaning='200 with {"error"}'),
        "0401": Magic(Fault.UNAUTHORIZED, once=True, meaning="401 once"),
        "0404": Magic(Fault.NOT_FOUND, once=True, meaning="404 once"),
        "0429": Magic(Fault.BUSY, once=True, meaning="429 once"),
        "0428": Magic(Fault.BUSY, once=False, meaning="429 always"),
        "0500": Magic(Fault.SERVER_ERROR, once=True, meaning="500 once"),
        "0599": Magic(Fault.SERVER_ERROR, once=False, meaning="500 always"),
        "0201": Magic(Fault.HTML_200, once=False, meaning="accepted, HTML with 200"),
        "0444": Magic(Fault.DROP_BEFORE, once=True, meaning="dropped before accepting, once"),
        "0499": Magic(Fault.DROP_AFTER, once=False, meaning="accepted, then dropped"),
        "0408": Magic(Fault.STALL, once=False, meaning="accepted, then stalled"),
        "0502": Magic(Fault.BAD_GATEWAY, once=False, meaning="accepted, then 502 of a proxy"),
        "0504": Magic(Fault.GATEWAY_TIMEOUT, once=False, meaning="accepted, then 504 of a proxy"),
    }
)

#: Accepted without a fault, but never delivered.
UNDELIVERED_SUFFIX = "0410"

#: What each of the last four digits brings about, where magic numbers are switched on.
MEANINGS: Mapping[str, str] = MappingProxyType(
    {suffix: magic.meaning for suffix, magic in MAGIC.items()}
    | {UNDELIVERED_SUFFIX: "accepted, never delivered"}
)

_SUFFIX = 4


def find_fault(
    phones: Iterable[str], played: set[str], shares: Mapping[Fault, float], dice: float
) -> Fault | None:
    """Choose the fault of one request.

    Args:
        phones: The first with a magic suffix decides for the whole request.
        played: Phones whose fault strikes once and has struck; a new one is added.
        shares: Share of all requests for each fault, together at most 1.
        dice: From 0 to 1.
    """
    for phone in phones:
        magic = MAGIC.get(phone[-_SUFFIX:])
        if magic is None or (magic.once and phone in played):
            continue
        if magic.once:
            played.add(phone)
        return magic.fault
    for fault, share in shares.items():
        if dice < share:
            return fault
        dice -= share
    return None

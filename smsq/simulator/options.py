"""What a simulator can be told, at its start and while it runs. Pure.

In:  names and values, as from a command line or JSON. Out: `Options`, or ValueError with every
mistake.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from smsq.simulator.faults import Fault


class ReceiptShape(StrEnum):
    """How a receipt is written; the contract does not say."""

    JSON = "json"  #: {"uuid", "success", "messages": [{"message_id", "name"}]}
    FORM = "form"  #: a form with the JSON of the messages in one field
    NESTED = "nested"  #: the same as JSON, three levels further down
    BARE_IDS = "bare_ids"  #: {"message_ids": [...]}, no names


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the simulated gateway behaves.

    Attributes:
        rate_per_s: Requests per second over all endpoints; 0 for no limit.
        burst: Requests that may come at once.
        retry_after_s: Sent with a 429; None sends no header.
        latency_ms: Before each answer; up to `latency_jitter_ms` more.
        sent_after_s: From acceptance (or schedule time) to `sent`.
        final_after_s: From acceptance (or schedule time) to a final state.
        undelivered_share: Share of recipients that end `undelivered`, 0 to 1.
        odd_word_share: Share of recipients reported with words that the contract does not name.
        visible_after_s: Reports of a message are empty until then.
        shuffle_pages: Rows stand in another order on each request.
        shift_pages: Rows move by some places between requests: at the ends of pages, one is seen
            twice and another not at all.
        most_page_rows: A page has no more rows, whatever was asked for; 0 for no cap.
        charset: Of JSON answers.
        is_packed: JSON answers are packed by gzip.
        says_busy_in_words: Instead of 429: 200 with an error in words.
        keep_alive_s: Idle connections are closed after so long, and answers say so; 0: never said.
        receipt_after_s: From the answer to its receipt; up to `receipt_jitter_s` more.
        receipt_lost_share: Share of receipts that are never posted.
        receipt_repeat: Times each receipt is posted.
        max_recipients: Most recipients of one request.
        alphanames: Senders that exist; empty: all do.
        fault_shares: Share of all requests that suffer each fault.
        stall_s: How long a stalled answer takes; 0: it never comes, and the connection is cut.
        keeps_alive: False closes each connection after its answer.
        token_error_200: A wrong token is answered with 200 and {"error"} instead of 401.
        seed: Makes final states the same in every run.
        magic: Phones' last four digits bring about what `MEANINGS` in faults.py says. Test data
            that looks real has such phones by chance.
    """

    token: str = field(default="simulator-token", repr=False)
    rate_per_s: float = 0.0
    burst: int = 1
    retry_after_s: float | None = None
    latency_ms: float = 0.0
    latency_jitter_ms: float = 0.0
    sent_after_s: float = 0.5
    final_after_s: float = 2.0
    undelivered_share: float = 0.0
    odd_word_share: float = 0.0
    visible_after_s: float = 0.0
    shuffle_pages: bool = False
    shift_pages: bool = False
    most_page_rows: int = 0
    charset: str = "utf-8"
    is_packed: bool = False
    says_busy_in_words: bool = False
    keep_alive_s: int = 0
    receipt_after_s: float = 0.2
    receipt_jitter_s: float = 0.0
    receipt_shape: ReceiptShape = ReceiptShape.JSON
    receipt_lost_share: float = 0.0
    receipt_repeat: int = 1
    max_recipients: int = 1000
    alphanames: tuple[str, ...] = ()
    fault_shares: Mapping[Fault, float] = field(default_factory=dict)
    stall_s: float = 30.0
    keeps_alive: bool = True
    token_error_200: bool = False
    timezone: str = "Europe/Minsk"
    seed: int = 0
    magic: bool = False


#: Ways of a gateway to be, by name; `rough` has at once what real ones do.
WORLDS: Mapping[str, Mapping[str, object]] = {
    "clean": {},
    "rough": {
        "latency_ms": 300,
        "most_page_rows": 100,
        "shuffle_pages": True,
        "charset": "windows-1251",
        "is_packed": True,
        "says_busy_in_words": True,
        "keep_alive_s": 2,
        "fault_shares": {Fault.BAD_GATEWAY: 0.005, Fault.GATEWAY_TIMEOUT: 0.005},
    },
}


def change(options: Options, changes: Mapping[str, object]) -> Options:
    """Change options by name.

    Raises:
        ValueError: With every mistake; nothing is changed.
    """
    known = {f.name for f in fields(Options)}
    mistakes: list[str] = []
    values: dict[str, Any] = {}
    for name, raw in changes.items():
        if name not in known:
            mistakes.append(f"{name} is no option: write one of {', '.join(sorted(known))}")
            continue
        try:
            reader: Callable[[Any], Any] = _READERS.get(name, _number)
            values[name] = reader(raw)
        except (ValueError, TypeError, KeyError, OverflowError, OSError):
            shown = "what was given" if name == "token" else repr(raw)
            mistakes.append(f"{name}: {shown} is not a value it can take")
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return replace(options, **values)


def _number(raw: Any) -> float:
    value = float(raw)
    if not 0 <= value < float("inf"):
        raise ValueError(raw)
    return value


def _share(raw: Any) -> float:
    if not 0 <= float(raw) <= 1:
        raise ValueError(raw)
    return float(raw)


def _whole(raw: Any) -> int:
    if isinstance(raw, bool) or int(raw) != float(raw) or int(raw) < 0:
        raise ValueError(raw)
    return int(raw)


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise TypeError(raw)
    return raw


def _zone(raw: Any) -> str:
    return ZoneInfo(raw).key


def _written(raw: Any) -> str:
    if not isinstance(raw, str) or not raw:
        raise ValueError(raw)
    return raw


def _charset(raw: Any) -> str:
    return codecs.lookup(_written(raw)).name if raw != "windows-1251" else raw


def _senders(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple):
        raise TypeError(raw)
    return tuple(_written(name) for name in raw)


def _above_zero(raw: Any) -> int:
    if _whole(raw) < 1:
        raise ValueError(raw)
    return _whole(raw)


def _read_faults(raw: Any) -> dict[Fault, float]:
    shares = {Fault(name): _share(share) for name, share in dict(raw).items()}
    if sum(shares.values()) > 1:
        raise ValueError(raw)
    return shares


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "token": _written,
    "timezone": _zone,
    "burst": _above_zero,
    "receipt_repeat": _whole,
    "max_recipients": _above_zero,
    "seed": _whole,
    "retry_after_s": lambda raw: None if raw is None else _number(raw),
    "undelivered_share": _share,
    "odd_word_share": _share,
    "receipt_lost_share": _share,
    "shuffle_pages": _flag,
    "most_page_rows": _whole,
    "charset": _charset,
    "is_packed": _flag,
    "says_busy_in_words": _flag,
    "keep_alive_s": _whole,
    "shift_pages": _flag,
    "token_error_200": _flag,
    "keeps_alive": _flag,
    "magic": _flag,
    "receipt_shape": ReceiptShape,
    "alphanames": _senders,
    "fault_shares": _read_faults,
}

"""The ledger's polling side: messages that are due, what was reported, what receipts taught.

In:  pages of reports and receipts. Out: claims to poll; recipients' states, never moved backwards.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from smsq.delivery.page_facts import NO_FACTS, PageFacts
from smsq.domain.outcomes import GATEWAY_WORDS, read_gateway_word
from smsq.errors import NotFoundError
from smsq.measures.exchange import NO_EXCHANGE
from smsq.models import RecipientState, ReportRow
from smsq.records.buckets import bucket_of
from smsq.records.jobs import PollClaim, PollPlan
from smsq.rings.ticks import NO_TICK, Tick
from smsq.status.gathered_sends import show_id
from smsq.store.scripts import Scripts

#: A message that waits for its poll's slot is looked at again after this long.
LOOK_MS = 60_000

#: Most raw receipts kept for one job.
MAX_RECEIPTS = 20

#: Most message ids, and most rows of a page, that one script call takes.
SLICE_IDS, SLICE_ROWS = 150, 500

#: Longest word of the gateway's that is kept.
_MAX_WORD = 40

#: A word with so many digits may be a phone.
_PHONE_DIGITS = 5

#: Stands for the state's letter where a word is in no table of ours.
ODD = "?"

_D_SENT_FORMAT = "%Y-%m-%d %H:%M:%S"
_D_SENT_USUAL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)


class Polls:
    """Poll moves. A failing Redis raises `redis.RedisError`; callers decide what that means."""

    def __init__(
        self,
        scripts: Scripts,
        *,
        timezone: str,
        words: Mapping[str, RecipientState] = GATEWAY_WORDS,
    ) -> None:
        self._run = scripts.run
        self._redis = scripts.redis
        self._words = words
        self._zone = ZoneInfo(timezone)

    def find_due(self, *, limit: int, tick: Tick | None = None) -> Sequence[str]:
        """Let messages that are due wait for a slot; returns those to ring, of a late tick none."""
        found = self._run("poll_due", limit, LOOK_MS, *(tick.args if tick else NO_TICK))
        return [*(found or ())]

    def apply_page(
        self,
        claim: PollClaim,
        rows: Sequence[ReportRow],
        *,
        next_offset: int,
        next_in_s: float | None,
        facts: PageFacts = NO_FACTS,
    ) -> int | None:
        """Write one page of reports.

        Args:
            claim: The poll it belongs to.
            rows: What the gateway reported; may be empty.
            next_offset: Where the next page starts: further on after a full page, at the same
                offset after one that broke off, at 0 after a short one.
            next_in_s: Seconds until it may be asked for; None for at once.
            facts: What else is known of the page.

        Returns:
            Recipients that are not final yet; None when a newer poll has taken over.
        """
        *before, last = [rows[i : i + SLICE_ROWS] for i in range(0, len(rows), SLICE_ROWS)] or [[]]
        for some in before:
            if self._apply_rows(claim, some, facts=PageFacts(exchange=facts.exchange)) is None:
                return None
            facts = replace(facts, exchange=NO_EXCHANGE)
        rest_ms = "" if next_in_s is None else round(next_in_s * 1000)
        return self._apply_rows(claim, last, next_offset, rest_ms, facts)

    def _apply_rows(
        self,
        claim: PollClaim,
        rows: Sequence[ReportRow],
        next_offset: int | str = "",
        rest_ms: int | str = "",
        facts: PageFacts = NO_FACTS,
    ) -> int | None:
        """Run `poll_page.lua`; without a next offset, rows of the same page follow."""
        packed, odd = self._pack(rows, claim.buckets)
        status, left = self._run(
            "poll_page",
            claim.ref,
            claim.number,
            json.dumps(packed),
            claim.offset,
            next_offset,
            rest_ms,
            json.dumps(odd),
            facts.length,
            facts.mark,
            facts.unreadable,
            *facts.exchange.poll_args[1:],
        )
        return int(left) if status == "ok" else None

    def apply_receipt(
        self, job_id: str, body: bytes, ids: Mapping[int, int], *, unmatched: int, plan: PollPlan
    ) -> None:
        """Keep an authentic receipt and the message ids it taught.

        Args:
            job_id: From the receipt's address.
            body: As posted.
            ids: Message number, counted from 1 → the gateway's message id.
            unmatched: How many more ids it held.
            plan: When to poll, should the receipt settle an unknown job.

        Raises:
            NotFoundError: There is no such job.
        """
        kept = MAX_RECEIPTS
        for some in slice_ids(ids) or [{}]:
            answer = self._run(
                "receipt",
                job_id,
                body,
                kept,
                json.dumps({str(n): str(message_id) for n, message_id in some.items()}),
                unmatched,
                plan.horizon_ms,
                plan.first_ms,
            )
            if answer == "missing":
                raise NotFoundError(f"no job has the id {show_id(job_id)}")
            body, kept = b"", 0

    def _pack(
        self, rows: Sequence[ReportRow], buckets: int
    ) -> tuple[list[tuple[int, list[str], list[str]]], dict[str, str]]:
        """Write rows by bucket as `poll_page.lua` takes them, and how odd words are counted.

        Rows of one page mostly share their words and their minutes: each is read once.
        """
        odd: dict[str, str] = {}

        @cache
        def value_of(raw_word: str, d_sent: str | None) -> str:
            letter, word = self._read_word(raw_word)
            if letter == ODD:
                odd[word] = show_word(word)
            return f"{letter}|{to_epoch(d_sent)}|{word}"

        to_epoch = cache(self._to_epoch)
        packed = []
        for part in _part_repeats(rows):
            values: defaultdict[int, dict[str, str]] = defaultdict(dict)
            for phone, raw_word, d_sent in part:
                values[bucket_of(phone, buckets)][phone] = value_of(raw_word, d_sent)
            packed += [(bucket, list(by), list(by.values())) for bucket, by in values.items()]
        return packed, odd

    def _read_word(self, raw: str) -> tuple[str, str]:
        state = read_gateway_word(raw, self._words)
        return (state.value[0] if state else ODD), _bound_word(raw)

    def _to_epoch(self, d_sent: str | None) -> str:
        """The gateway's local time as seconds since 1970; "" when it cannot be read."""
        try:
            local = _read_local(d_sent or "").replace(tzinfo=self._zone)
            epoch_s = int(local.astimezone(UTC).timestamp())
        except (ValueError, OverflowError):
            return ""
        # A database's "never", as 0001-01-01, is no time at which something was sent.
        return str(epoch_s) if epoch_s > 0 else ""


def slice_ids(ids: Mapping[int, int]) -> list[dict[int, int]]:
    """Cut message ids into as many as one script call learns."""
    rows = list(ids.items())
    return [dict(rows[i : i + SLICE_IDS]) for i in range(0, len(rows), SLICE_IDS)]


def _part_repeats(rows: Sequence[ReportRow]) -> Sequence[Sequence[ReportRow]]:
    """Cut rows into parts, none of which has a phone twice."""
    if len({row.phone for row in rows}) == len(rows):
        return [rows]
    times: Counter[str] = Counter()
    parts: defaultdict[int, list[ReportRow]] = defaultdict(list)
    for row in rows:
        parts[times[row.phone]].append(row)
        times[row.phone] += 1
    return list(parts.values())


def _read_local(d_sent: str) -> datetime:
    """Read a time without a zone; the usual form takes a tenth of the time of all others."""
    if _D_SENT_USUAL.fullmatch(d_sent):
        return datetime.fromisoformat(d_sent)
    return datetime.strptime(d_sent, _D_SENT_FORMAT)  # noqa: DTZ007 - the gateway's own


def _bound_word(word: str) -> str:
    """Cut a word of the gateway's; half a character, which JSON can hold, becomes a "?"."""
    return word[:_MAX_WORD].encode(errors="replace").decode()


def show_word(word: str) -> str:
    """Write a word so that it can be shown to anybody: it might hold a phone."""
    if sum(map(str.isdigit, word)) >= _PHONE_DIGITS:
        word = "".join("*" if c.isdigit() else c for c in word)
    return word.strip() or "(empty)"

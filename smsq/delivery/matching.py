"""Matches message ids with our messages: from receipts new and kept, from look-ups, by hand.

In:  what a receipt's body, a source of ids or an operator says. Out: ids in the ledger.

A receipt that cannot be matched is kept as it came. Each id that becomes known may make it clear
whose the others are, so the kept ones are read again then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis.client import NEVER_DECODE

from smsq.delivery.polls import Polls, slice_ids
from smsq.errors import NotFoundError
from smsq.gateway.receipts import match_receipt, read_receipt
from smsq.models import ReceiptEntry, RecipientState
from smsq.pacing.slots import Pace
from smsq.records.jobs import PollPlan
from smsq.status.gathered_sends import check_id, show_id
from smsq.store.scripts import Scripts

#: Stands for the id of a message that has none and will get none; no id of the gateway's is 0.
NEVER_SENT = 0


@dataclass(frozen=True, slots=True)
class KnownMessages:
    """A job's messages as far as they are known.

    Attributes:
        names: In order.
        ids: Index of a message → the gateway's id; `NEVER_SENT` for one of which the gateway never
            heard, because the rules took out all of its recipients.
    """

    names: Sequence[str]
    ids: Mapping[int, int]

    @property
    def are_complete(self) -> bool:
        """True when every message has its id."""
        return len(self.ids) == len(self.names)


class Matching:
    """Gives messages their ids. A failing Redis raises `redis.RedisError`."""

    def __init__(self, scripts: Scripts, polls: Polls, plan: PollPlan) -> None:
        self._scripts = scripts
        self._polls = polls
        self._plan = plan

    def take_receipt(self, job_id: str, body: bytes, content_type: str | None) -> int:
        """Keep an authentic receipt, and the ids it teaches.

        Returns:
            How many ids it named that are ours.

        Raises:
            NotFoundError: There is no such job.
        """
        entries = read_receipt(body, content_type)
        messages = self.read_messages(job_id)
        matched = match_receipt(entries, messages.names, messages.ids)
        named = {entry.message_id for entry in entries}
        ours = {i: message_id for i, message_id in matched.items() if message_id in named}
        self._polls.apply_receipt(
            job_id, body, _from_one(ours), unmatched=len(named) - len(ours), plan=self._plan
        )
        if ours:
            self.rematch(job_id)
        return len(ours)

    def rematch(self, job_id: str) -> int:
        """Read the kept receipts again; returns how many ids that taught."""
        learnt = 0
        messages = self.read_messages(job_id)
        bodies = [] if messages.are_complete else self._kept_receipts(job_id)
        receipts = [read_receipt(body, guess_type(body)) for body in bodies]
        while found := _match_one(receipts, messages):
            learnt += self.learn(job_id, found, what="receipt read again")
            messages = KnownMessages(messages.names, {**messages.ids, **found})
        return learnt

    def find_lookup(self, pace: Pace, *, needs_slot: bool) -> tuple[str, str] | None:
        """Choose a job whose message ids should be looked up now.

        Args:
            pace: The limiter's.
            needs_slot: True takes a slot for it; None is returned where none is free.

        Returns:
            The job's id and the gateway's uuid.
        """
        found = self._scripts.run("lookup", pace.rate_per_s, pace.burst, int(needs_slot))
        return (found[0], found[1]) if found else None

    def take_entries(self, job_id: str, entries: Sequence[ReceiptEntry], *, what: str) -> int:
        """Learn ids that were found elsewhere; returns how many were new."""
        messages = self.read_messages(job_id)
        matched = match_receipt(entries, messages.names, messages.ids)
        learnt = self.learn(job_id, _without(matched, messages.ids), what=what)
        return learnt + (self.rematch(job_id) if learnt else 0)

    def learn(self, job_id: str, ids: Mapping[int, int], *, what: str) -> int:
        """Write ids down; returns how many are new, 0 when the job takes none any more."""
        learnt = 0
        for some in slice_ids(ids):
            answer = self.write(job_id, some, what=what)
            learnt += int(answer[1]) if answer[0] == "ok" else 0
        return learnt

    def write(
        self,
        job_id: str,
        ids: Mapping[int, int],
        *,
        what: str,
        detail: str = "",
        is_forced: bool = False,
        told: tuple[str, str] = ("", ""),
    ) -> Sequence[str]:
        """Run `learn_ids.lua` for some hundred ids at most; returns its answer.

        `told`: which operator says so and what, for the audit trail.
        """
        packed = json.dumps({str(n): str(i) for n, i in _from_one(ids).items()})
        plan = (self._plan.horizon_ms, self._plan.first_ms)
        args = (job_id, packed, what, detail, int(is_forced), *plan, *told)
        answer = self._scripts.run("learn_ids", *args)
        return cast("Sequence[str]", answer)

    def read_messages(self, job_id: str) -> KnownMessages:
        """Read the names of a job's messages, and the ids that are known.

        Raises:
            NotFoundError: There is no such job.
        """
        keys, redis = self._scripts.keys, self._scripts.redis
        size = redis.hget(keys.job(check_id(job_id)), "messages")
        if size is None:
            raise NotFoundError(f"no job has the id {show_id(job_id)}")
        pipeline = redis.pipeline(transaction=False)
        for n in range(1, int(str(size)) + 1):
            pipeline.hmget(keys.message(job_id, n), "name", "message_id", *RecipientState)
        names, ids = [], {}
        for i, (name, message_id, *numbers) in enumerate(pipeline.execute()):
            names.append(name or "")
            counts = dict(
                zip(RecipientState, (int(number or 0) for number in numbers), strict=True)
            )
            if message_id:
                ids[i] = int(message_id)
            elif 0 < counts[RecipientState.WITHHELD] == sum(counts.values()):
                ids[i] = NEVER_SENT
        return KnownMessages(names, ids)

    def _kept_receipts(self, job_id: str) -> Sequence[bytes]:
        """Read the raw receipts, which may be in any encoding."""
        key = self._scripts.keys.receipts(job_id)
        redis = cast(Any, self._scripts.redis)
        rows: Sequence[bytes] = redis.execute_command("LRANGE", key, 0, -1, **{NEVER_DECODE: True})
        return rows


def _match_one(
    receipts: Sequence[Sequence[ReceiptEntry]], messages: KnownMessages
) -> dict[int, int]:
    """Find the first receipt that teaches something, and what."""
    for entries in receipts:
        matched = match_receipt(entries, messages.names, messages.ids)
        if new := _without(matched, messages.ids):
            return new
    return {}


def guess_type(body: bytes) -> str | None:
    """Say how a kept receipt was posted, where its reader has to know: a form of parts."""
    first_line = body.lstrip().split(b"\n", 1)[0].strip()
    if not first_line.startswith(b"--"):
        return None
    boundary = first_line[2:].decode("latin-1").replace('"', "")
    return f'multipart/form-data; boundary="{boundary}"'


def _from_one(ids: Mapping[int, int]) -> dict[int, int]:
    """Count messages from 1, as the ledger does."""
    return {index + 1: message_id for index, message_id in ids.items()}


def _without(matched: Mapping[int, int], known: Mapping[int, int]) -> dict[int, int]:
    return {i: message_id for i, message_id in matched.items() if i not in known}

"""Recipients who got nothing, so that they can be sent to again.

In:  the jobs of a campaign. Out: phones in full, with their own texts where the ledger has them.

Failed are: undelivered, and all of a job that the gateway refused, that was given up or that
expired. What may have been accepted is not among them, nor what `smsq dead retry` can still send:
who did both would send it twice. Nor is `no_report`, unless asked for: nobody proved its delivery,
and nobody disproved it either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from smsq.frames import guarded
from smsq.models import JobState, RecipientState
from smsq.store.keys import Keys

_UNSENT = frozenset({JobState.REJECTED, JobState.DEAD, JobState.EXPIRED})
_COUNTED = (RecipientState.PENDING, RecipientState.UNDELIVERED, RecipientState.NO_REPORT)

#: Fields of a job of which the gateway may have, or has, something.
_DOUBT = ("may_be_out", "is_proven")

#: Jobs or messages read in one round trip.
_SLICE = 100


@dataclass(frozen=True, slots=True)
class _Message:
    """A message with failed recipients; of an unsent job all of them have failed."""

    job_id: str
    n: int
    buckets: int
    is_unsent: bool
    shared_text: str | None
    has_own_texts: bool


@guarded
class FailedReader:
    """Reads failed recipients. A failing Redis raises `redis.RedisError`.

    Attributes:
        has_texts: Rows come with their texts; False where all had one text, or texts are forgotten.
        are_texts_gone: Of some the text is forgotten: the gateway had it.
        no_report: How many recipients are without a report, read or not: they may have got it.
        retryable: How many recipients of dead jobs are left out, since the jobs can be retried.

    Args:
        redis: Of the ledger.
        keys: Of the ledger.
        job_ids: Whose recipients.
        cancelled: True also reads those whose jobs were cancelled.
        with_no_report: True also reads those without a report.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        job_ids: Sequence[str],
        *,
        cancelled: bool = False,
        with_no_report: bool = False,
    ) -> None:
        self._redis, self._keys = redis, keys
        self._unsent = _UNSENT | ({JobState.CANCELLED} if cancelled else set())
        self._failed = [RecipientState.UNDELIVERED]
        self._failed += [RecipientState.NO_REPORT] if with_no_report else []
        self.no_report = self.retryable = 0
        self._messages = list(self._find(job_ids))
        own = any(message.has_own_texts for message in self._messages)
        shared = {m.shared_text for m in self._messages if not m.has_own_texts}
        self.are_texts_gone = None in shared
        self.has_texts = not self.are_texts_gone and (own or len(shared) > 1)

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        """Give out phones in full, each with its text where `has_texts`."""
        for message in self._messages:
            for bucket in range(message.buckets):
                key = self._keys.recipients(message.job_id, message.n, bucket)
                rows = cast("dict[str, str]", self._redis.hgetall(key))
                letters = self._letters(message)
                phones = [phone for phone, packed in sorted(rows.items()) if packed[:1] in letters]
                yield from zip(phones, self._texts(message, phones), strict=True)

    def _letters(self, message: _Message) -> Sequence[str]:
        """How the packed states of failed recipients begin."""
        if message.is_unsent:
            return ("", RecipientState.PENDING[0])
        return tuple(state[0] for state in self._failed)

    def _texts(self, message: _Message, phones: Sequence[str]) -> Sequence[str | None]:
        if not self.has_texts or not phones:
            return [None] * len(phones)
        if not message.has_own_texts:
            return [message.shared_text] * len(phones)
        key = self._keys.texts(message.job_id, message.n)
        return cast("list[str | None]", self._redis.hmget(key, list(phones)))

    def _find(self, job_ids: Sequence[str]) -> Iterator[_Message]:
        for start in range(0, len(job_ids), _SLICE):
            part = job_ids[start : start + _SLICE]
            pipeline = self._redis.pipeline(transaction=False)
            for job_id in part:
                pipeline.hmget(self._keys.job(job_id), "state", "messages", *_DOUBT)
            jobs = zip(part, pipeline.execute(), strict=True)
            yield from self._find_messages(
                [
                    (job_id, n, state in self._unsent and not any(doubt), state == JobState.DEAD)
                    for job_id, (state, messages, *doubt) in jobs
                    for n in range(1, int(messages or 0) + 1)
                ]
            )

    def _find_messages(self, refs: Sequence[tuple[str, int, bool, bool]]) -> Iterator[_Message]:
        pipeline = self._redis.pipeline(transaction=False)
        for job_id, n, *_ in refs:
            key = self._keys.message(job_id, n)
            pipeline.hmget(key, "buckets", "text", *_COUNTED)
            pipeline.exists(self._keys.texts(job_id, n))
        answers = pipeline.execute()
        for (job_id, n, is_unsent, is_dead), row, has_own_texts in zip(
            refs, answers[::2], answers[1::2], strict=True
        ):
            buckets, text, *numbers = row
            counts = {s: int(n or 0) for s, n in zip(_COUNTED, numbers, strict=True)}
            self.no_report += counts[RecipientState.NO_REPORT]
            # A job whose texts are forgotten cannot be retried.
            if is_unsent and is_dead and (text is not None or has_own_texts):
                self.retryable += counts[RecipientState.PENDING]
                continue
            wanted = [RecipientState.PENDING] if is_unsent else self._failed
            if any(counts[state] for state in wanted):
                yield _Message(job_id, n, int(buckets), is_unsent, text, bool(has_own_texts))

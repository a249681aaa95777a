"""Adds up what the messages and jobs of one id hold. Pure.

In:  fields of messages and jobs. Out: counts, and one error for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from smsq.models import UNSENT_JOB_STATES, JobState, RecipientState
from smsq.status.status import MessageStatus, end_unsent


def summarize_errors(errors: Counter[str], jobs: int) -> str | None:
    """Say the most common error of a campaign's jobs, and of how many it is; None for none."""
    if not errors:
        return None
    error, times = errors.most_common(1)[0]
    return f"{times} of {jobs} jobs: {error}"


def read_message(row: Sequence[Any], state: JobState) -> MessageStatus:
    """Read a message's name, id and counts, of a job in this state."""
    name, message_id, *numbers = row
    counts = {s: int(n) for s, n in zip(RecipientState, numbers, strict=True) if n and int(n)}
    return MessageStatus(
        name=name,
        message_id=int(message_id) if message_id else None,
        recipients=sum(counts.values()),
        counts=end_unsent(counts) if state in UNSENT_JOB_STATES else counts,
    )


def add_counts(all_counts: Iterator[Mapping[RecipientState, int]]) -> Mapping[RecipientState, int]:
    """Add recipients per state up, over messages."""
    total: Counter[RecipientState] = Counter()
    for counts in all_counts:
        total.update(counts)
    return dict(total)

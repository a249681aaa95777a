"""What a call that enqueues gives back: an id that says whether it is new. Pure.

In:  what the ledger answered. Out: a `str` for every use, with two more words to it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from smsq.errors import KeyConflictError, LimitedError
from smsq.intake.recipients import LeftOut
from smsq.mistakes import Mistake
from smsq.models import JobState
from smsq.records.unpacking import to_dict
from smsq.status.campaigns import read_campaign


class StoredId(str):
    """The id of a stored job, gathered send or campaign.

    It is a `str` wherever one is wanted: equal to the plain id, JSON writes it as one.

    Attributes:
        is_new: False when the key was used before with the same content: this call stored nothing,
            and the id is the earlier one's.
        state: Where it stood when the call was made. None: its key is of an older smsq, and has
            outlived it.
    """

    __slots__ = ("is_new", "state")

    is_new: bool
    state: JobState | None

    def __new__(cls, some_id: str, *, is_new: bool, state: JobState | None) -> Self:
        """Give an id its two words."""
        made = super().__new__(cls, some_id)
        made.is_new = is_new
        made.state = state
        return made

    def __reduce__(self) -> tuple[object, ...]:
        return _remake, (str(self), self.is_new, self.state)


class StoredCampaign(StoredId):
    """The id of a campaign, and what became of the rows of the call.

    Attributes:
        accepted: Recipients that it has.
        rejected: Of the rows that `on_invalid="skip"` or `on_duplicate="first"` left out, the first
            1,000: each a `Mistake` with `message_number`, `place`, masked `phone` and `code`.
        rejected_count: How many were left out.
    """

    __slots__ = ("accepted", "rejected", "rejected_count")

    accepted: int
    rejected: Sequence[Mistake]
    rejected_count: int

    @classmethod
    def of(
        cls, stored: StoredId, accepted: int, rejected: Sequence[Mistake] = (), count: int = 0
    ) -> Self:
        """Give a campaign's id its numbers."""
        made = cls(stored, is_new=stored.is_new, state=stored.state)
        made.accepted, made.rejected, made.rejected_count = accepted, tuple(rejected), count
        return made

    def __reduce__(self) -> tuple[object, ...]:
        plain = StoredId(self, is_new=self.is_new, state=self.state)
        return type(self).of, (plain, self.accepted, self.rejected, self.rejected_count)


class StoredMany(list[StoredId]):
    """The ids of many messages, in order, and what became of the others of the call.

    Attributes:
        by_number: Id of each message that was taken, by its place in the call, counted from 1.
        rejected: Of those that `on_invalid="skip"` left out, the first 1,000: each a `Mistake` with
            `message_number`, masked `phone` and `code`.
        rejected_count: How many were left out.
    """

    by_number: Mapping[int, StoredId]
    rejected: Sequence[Mistake]
    rejected_count: int

    @classmethod
    def of(cls, by_number: Mapping[int, StoredId], left_out: LeftOut) -> Self:
        """List ids by their places."""
        made = cls(by_number.values())
        made.by_number, made.rejected_count = by_number, left_out.count
        made.rejected = tuple(left_out.mistakes)
        return made


def _remake(some_id: str, is_new: bool, state: JobState | None) -> StoredId:
    return StoredId(some_id, is_new=is_new, state=state)


def read_stored(answer: Sequence[Any]) -> StoredId:
    """Read what became of a call that enqueues: the id of what is stored, by it or before.

    Args:
        answer: A word, an id, and its state: 'new', or what idempotency.lua says. 'taken' cannot
            happen with fresh random ids.

    Raises:
        KeyConflictError: The key was used before with other content, or may not be used again.
        LimitedError: The phone got as many messages as it may.
    """
    word, stored_id, state = answer[:3]
    if word == "limited":
        retry_after_s = float(stored_id) / 1000
        raise LimitedError(
            "this phone got as many messages as SMSQ_PER_PHONE allows: try again in "
            f"{math.ceil(retry_after_s)} s",
            retry_after_s,
        )
    if word == "conflict":
        raise KeyConflictError(
            f"this key was used before with other content, for {stored_id}: use a new key"
        )
    now = _read_state(stored_id, state)
    if word == "refused":
        what = now or "not in the ledger any more"
        raise KeyConflictError(
            f"again is refused: this key was used for {stored_id}, which is {what}: "
            f"{_INSTEAD.get(now, _NEW_KEY)}"
        )
    return StoredId(stored_id, is_new=word == "new", state=now)


def _read_state(some_id: str, state: str | Sequence[str]) -> JobState | None:
    """Read a job's state, or a campaign's hash; "" is for what is not there any more."""
    if not isinstance(state, str):
        return read_campaign(some_id, to_dict(state)).state
    return JobState(state) if state else None


_NEW_KEY = "use a new key to send another"
_CANCEL = "it is still to be sent: leave again out, or cancel it first"
_SETTLE = "it may have been sent: find out and write it down with `smsq unknown settle`"

#: What to do instead of sending again.
_INSTEAD: Mapping[JobState | None, str] = {
    JobState.QUEUED: _CANCEL,
    JobState.WAITING: _CANCEL,
    JobState.SUBMITTING: "it is being sent: leave again out",
    JobState.UNKNOWN: _SETTLE,
    JobState.DEAD: "some of it could still be sent by `smsq dead retry`: cancel it first",
}

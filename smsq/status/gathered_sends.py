"""Own ids, `<job id>.<ordinal>.<tag>`: what the caller of one gathered send holds and may know.

In:  an own id. Out: where its job stands, and this one recipient; never another's phone.

The tag is random and stands in the send's row: nobody can name a neighbour's own id from theirs.
Sends from before there were tags have none, and their own ids go on without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import cast

from redis import Redis

from smsq.domain.own_names import NO_NAMES, OwnNames, read_own_names
from smsq.errors import NotFoundError
from smsq.models import FINAL_RECIPIENT_STATES, JobState, Kind, RecipientState
from smsq.records.buckets import bucket_of
from smsq.status.status import (
    MessageStatus,
    RecipientStatus,
    Status,
    end_recipient,
    read_recipient,
)
from smsq.status.timeline import Note, from_ms, read_note
from smsq.store.keys import Keys
from smsq.text.phones import mask_phone

#: Ours are far shorter; whatever is longer is somebody's mistake.
_MOST_ID = 200
#: Half a character, which no client can send.
_HALF = re.compile(r"[\ud800-\udfff]")
#: Of jobs, sends and campaigns.
_OURS = re.compile(r"[jc][0-9a-f]+(\.[0-9A-Za-z.]+)?")
_LIKE_A_PHONE = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_OWN_ID = re.compile(r"(j[0-9a-f]+)\.([1-9][0-9]{0,6})(?:\.([0-9A-Za-z]{1,16}))?")
#: Of the list of sends: phone, when it joined, tag, and why and when it left.
_ROW = re.compile(r"([0-9]+)\|([0-9]+)(?:\.([0-9A-Za-z]+))?(?:\|([a-z]+)\|([0-9]+))?")


@dataclass(frozen=True, slots=True)
class OwnId:
    """An own id, taken apart; ordinals count from 1, the tag may be ""."""

    job_id: str
    ordinal: int
    tag: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.job_id}.{self.ordinal}" + (f".{self.tag}" if self.tag else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatheredSend:
    """One send of a gathered job, as the ledger holds it.

    Attributes:
        phone: Its recipient's.
        since_ms: When it was enqueued.
        left: `cancelled` or `expired` where it was taken out of its job, and when; None otherwise.
        job: Fields of the job's hash.
        message: Fields of its one message.
        recipient: None once it was taken out.
        is_left_out: It may be out and is not sent again, whatever becomes of its job.
        names: Its caller's.
    """

    own_id: OwnId
    phone: str = field(repr=False)
    since_ms: int
    left: tuple[JobState, int] | None
    job: Mapping[str, str] = field(repr=False)
    message: Mapping[str, str] = field(repr=False)
    recipient: RecipientStatus | None
    is_left_out: bool = False
    names: OwnNames = NO_NAMES

    @property
    def state(self) -> JobState:
        """The job's state, but final as soon as this one recipient is."""
        if self.left:
            return self.left[0]
        if self.is_settled:
            return JobState.DONE
        return JobState.UNKNOWN if self.is_doubted else JobState(self.job["state"])

    @property
    def is_doubted(self) -> bool:
        """True where nobody knows whether it is out: the job goes on without it."""
        return self.is_left_out and not (self.recipient and self.recipient.gateway_status)

    @property
    def is_settled(self) -> bool:
        """True when its recipient is final, be it reported or withheld; its job may go on."""
        return self.recipient is not None and self.recipient.state in FINAL_RECIPIENT_STATES

    @property
    def outcome(self) -> RecipientStatus | None:
        """What became of its recipient, whose end is its job's; None once it was taken out."""
        return end_recipient(self.recipient, self.state) if self.recipient else None

    @property
    def counts(self) -> Mapping[RecipientState, int]:
        """One recipient in its state; none once it was taken out."""
        return {self.outcome.state: 1} if self.outcome else {}

    @property
    def status(self) -> Status:
        """The send as if it were a job of its own."""
        message_id = self.message.get("message_id")
        message = MessageStatus(
            name=self.message["name"],
            message_id=int(message_id) if message_id else None,
            recipients=len(self.counts),
            counts=self.counts,
        )
        return Status(
            id=str(self.own_id),
            kind=Kind(self.job["kind"]),
            state=self.state,
            attempts=0 if self.left else int(self.job["attempts"]),
            error=None if self.left or self.is_settled else self.job.get("error"),
            counts=self.counts,
            messages=[message] if self.recipient else [],
            created_at=from_ms(self.since_ms),
            phone=self.recipient.phone if self.recipient else None,
            priority=self.job["priority"],
            reference=self.names.reference,
            tags=self.names.tags,
        )

    def read_timeline(self, redis: Redis, keys: Keys) -> Sequence[Note]:
        """Read what happened to it: to its job, from when it joined to when it left."""
        lines = cast("list[str]", redis.lrange(keys.timeline(self.own_id.job_id), 0, -1))
        joined_at = from_ms(self.since_ms)
        notes = [read_note(line) for line in lines]
        if notes and notes[0].what == JobState.WAITING and notes[0].at <= joined_at:
            del notes[0]  # the job was opened, perhaps for another
        joined = Note(joined_at, JobState.WAITING, f"gathered into {self.own_id.job_id}")
        steps = [joined, *(note for note in notes if note.at >= joined_at)]
        if self.left:
            state, at_ms = self.left
            steps = [note for note in steps if note.at <= from_ms(at_ms)]
            steps.append(Note(from_ms(at_ms), state, f"{state} before it was sent"))
        return steps


def check_id(some_id: object) -> str:
    """Take an id as somebody wrote it, before Redis is asked for it.

    Raises:
        NotFoundError: It is nothing that could be anything's id.
    """
    if isinstance(some_id, str) and len(some_id) <= _MOST_ID and not _HALF.search(some_id):
        return some_id
    raise NotFoundError("no job or campaign has such an id: write one as smsq gave it out")


def show_id(some_id: str) -> str:
    """Write an id for an error: who looks for a phone by mistake does not read it in a log."""
    if _OURS.fullmatch(some_id):
        return some_id
    return _LIKE_A_PHONE.sub(lambda found: mask_phone(found[0]), some_id)


def read_own_id(some_id: object) -> OwnId | None:
    """Take an own id apart; None when it is another's.

    Raises:
        NotFoundError: It is nothing that could be anything's id.
    """
    found = _OWN_ID.fullmatch(check_id(some_id))
    return OwnId(found[1], int(found[2]), found[3] or "") if found else None


def read_row_phone(row: str) -> str | None:
    """Read whose send a row of the list is; None where it was taken out of its job."""
    found = _ROW.fullmatch(row)
    return found[1] if found and found[4] is None else None


def load_send(redis: Redis, keys: Keys, own_id: OwnId) -> GatheredSend:
    """Read one send from the ledger.

    Raises:
        NotFoundError: No send has this id.
    """
    pipeline = redis.pipeline(transaction=False)
    pipeline.hgetall(keys.job(own_id.job_id))
    pipeline.hgetall(keys.message(own_id.job_id, 1))
    pipeline.lindex(keys.gathered(own_id.job_id), own_id.ordinal - 1)
    pipeline.hexists(keys.left_out(own_id.job_id), str(own_id.ordinal))
    pipeline.hget(keys.names(own_id.job_id), str(own_id.ordinal))
    job, message, row, left_out, packed_names = pipeline.execute()
    found = _ROW.fullmatch(row or "")
    if not job or not found or not compare_digest(found[3] or "", own_id.tag):
        raise NotFoundError(f"no job or campaign has the id {own_id}")
    phone, since_ms, _, why, left_at_ms = found.groups()
    names = read_own_names(packed_names)
    recipient = None
    if why is None:
        bucket = bucket_of(phone, int(message["buckets"]))
        packed = redis.hget(keys.recipients(own_id.job_id, 1, bucket), phone)
        # Taken out, between the two looks, by somebody else: the next look tells how.
        recipient = read_recipient(phone, cast("str | None", packed) or "", names.reference)
    return GatheredSend(
        own_id=own_id,
        phone=phone,
        since_ms=int(since_ms),
        left=None if why is None else (JobState(why), int(left_at_ms)),
        job=job,
        message=message,
        recipient=recipient,
        is_left_out=bool(left_out),
        names=names,
    )

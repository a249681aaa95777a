"""Accepted jobs whose message ids nobody told, in the hands of an operator.

In:  the ledger; an id that an operator found out. Out: the jobs; the id, kept and polled for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self, cast

from redis import Redis

from smsq.audit.acts import fit, name_person
from smsq.delivery.matching import KnownMessages, Matching
from smsq.delivery.polls import Polls
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError, NotFoundError, SmsqError
from smsq.operate.stuck_jobs import check_why
from smsq.records.jobs import UNMATCHED_S, PollPlan
from smsq.settings import Settings
from smsq.status.gathered_sends import show_id
from smsq.store.clock import ledger_time
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.scripts import Scripts


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmatchedJob:
    """An accepted job with messages that cannot be asked for.

    Attributes:
        since: When the gateway took it, UTC.
        uuid: The gateway's name of the request; "" when its answer was lost.
        names: Of the messages without an id, in order.
        receipts: Raw receipts that came and are kept.
    """

    id: str
    since: datetime
    uuid: str
    names: Sequence[str]
    receipts: int


class UnmatchedJobs:
    """What an operator does with jobs whose message ids nobody told.

    Args:
        settings: Of the queue.
        redis: The ledger's.
        by: Who decides, as user@host, where a call does not say.
    """

    def __init__(self, settings: Settings, redis: Redis, *, by: str) -> None:
        self._redis = redis
        self._scripts = Scripts.of(redis, settings)
        polls = Polls(self._scripts, timezone=settings.timezone)
        self._matching = Matching(self._scripts, polls, PollPlan.of(settings))
        self._by = by

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Build from settings; the connection is made when first used."""
        redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
        return cls(settings, redis, by=who_am_i())

    def list_unmatched(self, *, min_age_s: float = UNMATCHED_S) -> Iterator[UnmatchedJob]:
        """List the jobs that have waited for a receipt for so long, the oldest first."""
        keys = self._scripts.keys
        with unavailable(self._redis, writes=False):
            before_ms = ledger_time(self._redis, keys).now_ms - min_age_s * 1000
            rows = self._redis.zrangebyscore(
                keys.listed("unmatched"), "-inf", before_ms, withscores=True
            )
            for job_id, since_ms in cast("list[tuple[str, float]]", rows):
                pipeline = self._redis.pipeline(transaction=False)
                pipeline.hget(keys.job(job_id), "uuid")
                pipeline.llen(keys.receipts(job_id))
                uuid, receipts = pipeline.execute()
                try:
                    messages = self._matching.read_messages(job_id)
                except NotFoundError:
                    continue  # it went away meanwhile
                yield UnmatchedJob(
                    id=job_id,
                    since=datetime.fromtimestamp(since_ms / 1000, UTC),
                    uuid=uuid or "",
                    names=[n for i, n in enumerate(messages.names) if i not in messages.ids],
                    receipts=receipts,
                )

    def attach(
        self,
        job_id: str,
        name: str,
        message_id: int,
        *,
        why: str = "",
        is_forced: bool = False,
        by: str | None = None,
    ) -> int:
        """Say which id a message has; returns how many more ids the kept receipts taught by it.

        Args:
            job_id: One that a request was made for.
            name: The message's, or `#2` for the second.
            message_id: The gateway's.
            why: Kept in the timeline.
            is_forced: True replaces an id that is there.
            by: Who says so; None is whom this was made for.

        Raises:
            SmsqError: No such job or message, or it has an id, or needs none.
        """
        person = name_person(self._by if by is None else by)
        check_why(why)
        with unavailable(self._redis, writes=True, in_pieces=True):
            messages = self._matching.read_messages(job_id)
            index = find_message(messages, name, is_forced=is_forced)
            because = f": {fit(why)}" if why else ""
            answer, *rest = self._matching.write(
                job_id,
                {index: message_id},
                what="operator: attach",
                detail=f"by {person}{because}",
                is_forced=is_forced,
                told=(person, f"{fit(name)} is {message_id}{because}"),
            )
            if answer == "ok":
                return self._matching.rematch(job_id)
        raise _say_refusal(job_id, name, answer, *rest)

    def close(self) -> None:
        """Give the connection back."""
        self._redis.close()


def _say_refusal(job_id: str, name: str, answer: str, *found: str) -> SmsqError:
    """Say why a message did not get its id, as learn_ids.lua answers it."""
    if answer == "missing":
        return NotFoundError(f"no job has the id {show_id(job_id)}")
    if answer == "not":
        return InvalidMessageError([f"job {job_id} is {found[0]}: it needs no message id"])
    return InvalidMessageError([f"message {name} has the id {found[0]}: --force replaces it"])


def find_message(messages: KnownMessages, name: str, *, is_forced: bool) -> int:
    """Find the one message that is meant; returns its index.

    Raises:
        InvalidMessageError: There is none, or more than one.
    """
    numbered = {f"#{i + 1}": i for i in range(len(messages.names))}
    found = [i for i, known in enumerate(messages.names) if known == name]
    if not found and name in numbered:
        return numbered[name]
    free = [i for i in found if is_forced or i not in messages.ids] or found
    if len(free) == 1:
        return free[0]
    if not free:
        names = ", ".join(dict.fromkeys(messages.names))
        raise InvalidMessageError([f"no message is called {name}: write one of {names}"])
    places = ", ".join(f"#{i + 1}" for i in free)
    raise InvalidMessageError([f"{len(free)} messages are called {name}: write one of {places}"])

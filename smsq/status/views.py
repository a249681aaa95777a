"""Reading the ledger: status of a job or campaign, its recipients, numbers over everything.

In:  ids. Out: `Status`, `RecipientStatus`, `Stats`; nothing here changes anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from smsq.domain.outcomes import GATEWAY_WORDS, read_gateway_word
from smsq.domain.own_names import read_own_names
from smsq.errors import NotFoundError
from smsq.models import JobState, Kind, RecipientState
from smsq.names import PRIORITIES, QUEUES
from smsq.pacing.slots import RateView, read_rate
from smsq.records.jobs import UNMATCHED_S
from smsq.status.adding_up import add_counts, read_message, summarize_errors
from smsq.status.campaigns import read_campaign
from smsq.status.gathered_sends import check_id, load_send, read_own_id, show_id
from smsq.status.recipients import walk_buckets
from smsq.status.status import MessageStatus, RecipientStatus, Status
from smsq.status.timeline import from_ms
from smsq.store.clock import ledger_time
from smsq.store.keys import Keys

#: Jobs read in one round trip.
_SLICE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Numbers over the whole ledger.

    Attributes:
        jobs: Jobs per state.
        recipients: Recipients per state.
        oldest_waiting_s: Age of the job that stands in line for longest, pauses before a retry
            included; 0 for none.
        slots: Requests made for each class: `urgent`, `normal`, `bulk`, `poll`.
        rate: The limiter.
        oddities: What should be looked at when above 0, by name.
        unknown_words: Words of the gateway's that we do not know, with how often they came.
    """

    jobs: Mapping[JobState, int]
    recipients: Mapping[RecipientState, int]
    oldest_waiting_s: float
    slots: Mapping[str, int]
    rate: RateView
    oddities: Mapping[str, int]
    unknown_words: Mapping[str, int]


class Views:
    """Reads the ledger. A failing Redis raises `redis.RedisError`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    def status(self, some_id: str) -> Status:
        """Say what became of a job or a campaign.

        Raises:
            NotFoundError: No job or campaign has this id.
        """
        if own_id := read_own_id(some_id):
            return load_send(self._redis, self._keys, own_id).status
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(self._keys.job(some_id))
        pipeline.hgetall(self._keys.campaign(some_id))
        pipeline.zscore(self._keys.due, some_id)
        pipeline.hkeys(self._keys.recipients(some_id, 1, 0))
        job, campaign, due_ms, phones = pipeline.execute()
        if self._is_live(job):
            return self._job_status(some_id, job, due_ms, phones)
        if campaign:
            return self._campaign_status(some_id, campaign)
        raise NotFoundError(f"no job or campaign has the id {show_id(some_id)}")

    def job_ids(self, some_id: str) -> Sequence[str]:
        """Ids of a campaign's jobs in order, or the job or the gathered send itself."""
        if own_id := read_own_id(some_id):
            return [str(load_send(self._redis, self._keys, own_id).own_id)]
        if self.is_job(some_id):
            return [some_id]
        ids = cast("list[str]", self._redis.lrange(self._keys.campaign_jobs(some_id), 0, -1))
        if not ids:
            raise NotFoundError(f"no job or campaign has the id {show_id(some_id)}")
        return ids

    def check_scope(self, some_id: str) -> None:
        """Refuse the id of a gathered job: own ids begin with it, so whoever holds one knows it.

        Raises:
            NotFoundError: It speaks for other callers' sends, too.
        """
        if self._redis.hexists(self._keys.job(check_id(some_id)), "is_gathered"):
            raise NotFoundError(
                f"job {some_id} holds the sends of many callers: write a send's own id, "
                "or whole_job=True for all of them"
            )

    def recipients(self, some_id: str) -> Iterator[RecipientStatus]:
        """Say what became of each recipient, bucket by bucket, so that a million fit in memory."""
        if own_id := read_own_id(some_id):
            send = load_send(self._redis, self._keys, own_id)
            yield from [send.outcome] if send.outcome else []
            return
        for _, rows in walk_buckets(self._redis, self._keys, self.job_ids(some_id)):
            yield from rows

    def stats(
        self, setting_per_s: float, words: Mapping[str, RecipientState] = GATEWAY_WORDS
    ) -> Stats:
        """Count everything; a handful of reads, whatever the ledger's size.

        Args:
            setting_per_s: The ceiling where `smsq rate` set none.
            words: Words that are known by now.
        """
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(self._keys.counts)
        for priority in PRIORITIES:
            pipeline.zrange(self._keys.ready(priority), 0, 0, withscores=True)
        pipeline.hgetall(self._keys.limiter)
        pipeline.hgetall(self._keys.words)
        now = ledger_time(self._redis, self._keys)
        pipeline.zcount(self._keys.listed("unmatched"), "-inf", now.now_ms - UNMATCHED_S * 1000)
        counts, *oldest, limiter, odd, unmatched = pipeline.execute()
        since_ms = [rows[0][1] for rows in oldest if rows]
        age_s = (now.now_ms - min(since_ms)) / 1000 if since_ms else 0.0
        return Stats(
            jobs={s: int(counts.get(f"job:{s}", 0)) for s in JobState},
            recipients={s: int(counts.get(f"recipient:{s}", 0)) for s in RecipientState},
            oldest_waiting_s=max(0.0, age_s),
            slots={queue: int(counts.get(f"slots:{queue}", 0)) for queue in QUEUES},
            rate=read_rate(limiter, setting_per_s, now.now_s),
            oddities={k: int(v) for k, v in counts.items() if ":" not in k and k != "receipts"}
            | ({"unmatched": unmatched} if unmatched else {}),
            unknown_words={w: int(n) for w, n in odd.items() if not read_gateway_word(w, words)},
        )

    def heartbeat_age_s(self) -> float | None:
        """Seconds since beat's ticks were last worked off; None when nobody remembers."""
        beat_at = self._redis.get(self._keys.heartbeat)
        if beat_at is None:
            return None
        return max(0.0, ledger_time(self._redis, self._keys).now_s - float(str(beat_at)))

    def is_job(self, job_id: str) -> bool:
        """True for a job that is sent, or was; one of a draft is none yet."""
        key = self._keys.job(check_id(job_id))
        state, campaign = self._redis.hmget(key, "state", "campaign")
        return self._is_live({"state": str(state)} if state else {"campaign": str(campaign or "")})

    def _is_live(self, job: Mapping[str, str]) -> bool:
        """True with a state, or with a campaign that goes out, though it is not launched yet."""
        campaign = self._keys.campaign(job.get("campaign", ""))
        return "state" in job or bool(self._redis.hexists(campaign, "created_at_ms"))

    def _job_status(
        self, job_id: str, job: Mapping[str, str], due_ms: float | None, phones: Sequence[str]
    ) -> Status:
        state = JobState(job.get("state", JobState.QUEUED))
        messages = self._messages({job_id: (int(job["messages"]), state)})
        waits_until = due_ms if state is JobState.WAITING and "is_parked" not in job else None
        expires_ms = job.get("expires_at_ms")
        names = read_own_names(job.get("names"))
        return Status(
            id=job_id,
            kind=Kind(job["kind"]),
            state=state,
            attempts=int(job["attempts"]),
            error=job.get("error"),
            counts=add_counts(message.counts for message in messages),
            messages=messages,
            created_at=from_ms(job["created_at_ms"]),
            phone=phones[0] if job["kind"] == Kind.QUICK and phones else None,
            priority=job["priority"],
            send_at=None if waits_until is None else from_ms(int(waits_until)),
            expires_at=from_ms(expires_ms) if expires_ms else None,
            reference=names.reference,
            tags=names.tags,
        )

    def _campaign_status(self, campaign_id: str, campaign: Mapping[str, str]) -> Status:
        found = read_campaign(campaign_id, campaign)
        sizes: dict[str, tuple[int, JobState]] = {}
        errors: Counter[str] = Counter()
        ids = self.job_ids(campaign_id)
        for start in range(0, len(ids), _SLICE):
            pipeline = self._redis.pipeline(transaction=False)
            for job_id in ids[start : start + _SLICE]:
                pipeline.hmget(self._keys.job(job_id), "messages", "error", "state")
            for job_id, (size, error, state) in zip(
                ids[start : start + _SLICE], pipeline.execute(), strict=True
            ):
                sizes[job_id] = int(size or 0), JobState(state or JobState.QUEUED)
                errors.update([error] if error else [])
        return Status(
            id=campaign_id,
            kind=Kind.CAMPAIGN,
            state=found.state,
            attempts=int(campaign.get("attempts", 0)),
            error=summarize_errors(errors, len(ids)),
            counts=found.counts,
            messages=self._messages(sizes),
            brake=found.brake,
            unsent=found.unsent,
            created_at=found.created_at,
            reference=found.reference,
            tags=found.tags,
        )

    def _messages(self, sizes: Mapping[str, tuple[int, JobState]]) -> list[MessageStatus]:
        pipeline = self._redis.pipeline(transaction=False)
        states = []
        for job_id, (size, state) in sizes.items():
            for n in range(1, size + 1):
                pipeline.hmget(self._keys.message(job_id, n), "name", "message_id", *RecipientState)
                states.append(state)
        rows = zip(pipeline.execute(), states, strict=True)
        return [read_message(row, state) for row, state in rows if row[0] is not None]

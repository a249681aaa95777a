"""What the machine of test_all_together stands in: a gateway's book, wall clocks, a look at Redis.

In:  a world. Out: what the gateway accepted; all that the ledger holds, at one moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from smsq.models import JobState, RecipientState, ReportRow
from smsq.records.jobs import Claim, PollClaim
from smsq.status.status import read_recipient
from tests.smsq.world import World

ZONES = {
    "375291234560": "Europe/Minsk",
    "375291234561": "Europe/Minsk",
    "375291234562": "Europe/Minsk",
    "375331234563": "Europe/Minsk",
    "48501234564": "Europe/Warsaw",
    "48501234565": "Europe/Warsaw",
    "77011234566": "Asia/Almaty",
}

#: Rows of one page of reports.
PAGE_ROWS = 2

_RANKS = "psnuwd"


def local(world: World, phone: str) -> datetime:
    """What the clock on a recipient's wall shows."""
    now = datetime.fromtimestamp(world.now_us / 1e6, UTC)
    return now.astimezone(ZoneInfo(ZONES[phone]))


def day(world: World, phone: str) -> str:
    """A recipient's day, as the cap names it."""
    return f"{local(world, phone):%Y%m%d}"


@dataclass
class Gateway:
    """Its book.

    Attributes:
        accepted: How often it took a text for a phone of a job.
        messages: Its id of a message → the phones in it.
        ids: Job → message counted from 1 → the gateway's id.
    """

    accepted: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    messages: dict[int, list[str]] = field(default_factory=dict)
    ids: dict[str, dict[int, int]] = field(default_factory=dict)

    def accept(self, claim: Claim, numbers: Mapping[str, int]) -> None:
        """Take a request; `numbers` are those of its messages, by name."""
        for message in claim.messages:
            message_id = 100 + len(self.messages)
            self.messages[message_id] = sorted(message.recipients)
            self.ids.setdefault(claim.job_id, {})[numbers[message.name]] = message_id
            for phone, text in message.recipients.items():
                self.accepted[claim.job_id, phone, text or ""] += 1

    def report(self, poll: PollClaim, words: Sequence[str]) -> list[ReportRow]:
        """Give one page out."""
        phones = self.messages[poll.message_id][poll.offset : poll.offset + PAGE_ROWS]
        return [ReportRow(phone, words[i % len(words)], None) for i, phone in enumerate(phones)]


@dataclass(frozen=True)
class Look:
    """All that the ledger holds."""

    jobs: Mapping[str, Mapping[str, str]]
    messages: Mapping[tuple[str, int], Mapping[str, str]]
    recipients: Mapping[tuple[str, int], Mapping[str, str]]
    campaigns: Mapping[str, Mapping[str, str]]
    counts: Mapping[str, str]
    sets: Mapping[str, Mapping[str, float]]

    def is_committed(self, job: Mapping[str, str]) -> bool:
        """False for one that is staged: it is nobody's business yet."""
        return "state" in job or "created_at_ms" in self.campaigns.get(job["campaign"], {})

    def state(self, job_id: str) -> JobState:
        """A committed job's; what is not launched yet counts as queued."""
        return JobState(self.jobs[job_id].get("state", "queued"))

    def live(self, campaign: str | None = None) -> list[str]:
        """Ids of all committed jobs, or of a campaign's."""
        return [
            job_id
            for job_id, job in self.jobs.items()
            if self.is_committed(job) and campaign in {None, job.get("campaign")}
        ]

    def numbers(self, job_id: str) -> dict[str, int]:
        """A job's messages by name, counted from 1."""
        return {m["name"]: n for (one, n), m in self.messages.items() if one == job_id}

    def rows(self, job_id: str) -> Iterator[tuple[int, str, str]]:
        """Message, phone and packed state of each recipient."""
        for n in range(1, int(self.jobs[job_id]["messages"]) + 1):
            for phone, packed in self.recipients.get((job_id, n), {}).items():
                yield n, phone, packed

    def sum(self, job_ids: Sequence[str]) -> Counter[str]:
        """Count jobs and recipients per state, as the ledger names them."""
        found = Counter(f"job:{self.state(job_id)}" for job_id in job_ids)
        found.update(
            f"recipient:{read_recipient(phone, packed).state}"
            for job_id in job_ids
            for _, phone, packed in self.rows(job_id)
        )
        return found

    def has_moved_back(self, job_id: str, before: Look) -> bool:
        """True when a recipient's state is less than it was."""
        was = {(n, phone): packed for n, phone, packed in before.rows(job_id)}
        return any(
            _RANKS.index((packed or "p")[0]) < _RANKS.index((was.get((n, phone)) or "p")[0])
            for n, phone, packed in self.rows(job_id)
        )


def counts_of(fields: Mapping[str, str]) -> Counter[str]:
    """The counts that a hash keeps, without those that are 0."""
    names = [f"job:{s}" for s in JobState] + [f"recipient:{s}" for s in RecipientState]
    return Counter({name: int(fields[name]) for name in names if int(fields.get(name, 0))})


_SETS = (
    *("due", "ready:urgent", "ready:normal", "ready:bulk", "ready:poll", "polls", "held"),
    *("listed:unknown", "listed:dead", "launching", "aligning", "drafts", "gathering"),
)


def look(world: World) -> Look:
    """Read it all."""
    redis, space = world.redis, world.keys.namespace
    names = [str(name).removeprefix(f"{space}:") for name in redis.scan_iter(f"{space}:*", 5000)]
    hashes = [
        name
        for name in names
        if name.partition(":")[0] in {"job", "message", "recipients", "campaign", "counts"}
    ]
    pipeline = redis.pipeline(transaction=False)
    for name in hashes:
        pipeline.hgetall(f"{space}:{name}")
    for name in _SETS:
        pipeline.zrange(f"{space}:{name}", 0, -1, withscores=True)
    answers = pipeline.execute()
    found: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
    for name, fields in zip(hashes, answers, strict=False):
        kind, *parts = name.split(":")
        found.setdefault(kind, {})[tuple(parts)] = fields
    return Look(
        jobs={job_id: fields for (job_id,), fields in found.get("job", {}).items()},
        messages={(i, int(n)): fields for (i, n), fields in found.get("message", {}).items()},
        recipients=_join(found),
        campaigns={i: fields for (i,), fields in found.get("campaign", {}).items()},
        counts=found.get("counts", {}).get((), {}),
        sets={name: dict(rows) for name, rows in zip(_SETS, answers[len(hashes) :], strict=True)},
    )


def _join(
    found: Mapping[str, Mapping[tuple[str, ...], dict[str, str]]],
) -> dict[tuple[str, int], dict[str, str]]:
    """Put the buckets of each message together; one whose last recipient left has none."""
    joined: dict[tuple[str, int], dict[str, str]] = {
        (job_id, int(n)): {} for job_id, n in found.get("message", {})
    }
    for (job_id, n, _), fields in found.get("recipients", {}).items():
        joined.setdefault((job_id, int(n)), {}).update(fields)
    return joined

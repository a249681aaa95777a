"""A ledger on a clock that tests move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from smsq.campaigns.brakes import BrakePlan, Brakes
from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.delivery.polls import Polls
from smsq.domain.outcomes import Verdict
from smsq.intake.new_jobs import new_job_id
from smsq.ledger.ledger import Ledger
from smsq.models import JobState, Kind, MessageRequest
from smsq.names import Queue
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Early, Pace, Slot
from smsq.records.jobs import (
    Claim,
    Idempotency,
    Leases,
    NewJob,
    NoClaim,
    PollClaim,
    PollPlan,
    Question,
)
from smsq.rules.rules import RuleBook
from smsq.sending.claims import Claims
from smsq.settings import Settings
from smsq.status.campaigns import load_campaign
from smsq.status.status import Campaign
from smsq.status.views import Views
from smsq.store.connection import connect
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts

PLAN = PollPlan(first_ms=5_000, horizon_ms=259_200_000)
ACCEPTED = Verdict(state=JobState.ACCEPTED, message_id=77)
UNKNOWN = Verdict(state=JobState.UNKNOWN, error="no answer")
RETENTION_MS = 1_000_000_000


class World:
    """A ledger with a clock that tests move."""

    def __init__(self, settings: Settings) -> None:
        self.now_us = 1_700_000_000_000_000
        self.redis = connect(settings.redis_url, timeout_s=10)
        self.scripts = Scripts(
            self.redis,
            settings.namespace,
            retention_ms=RETENTION_MS,
            events_keep_ms=settings.events_keep_s * 1000,
            clock=lambda: self.now_us,
        )
        self.keys = Keys(settings.namespace)
        self.settings = settings
        self.rule_book = RuleBook.of(self.scripts, settings)
        self.ledger = Ledger(self.scripts)
        self.claims = Claims(self.scripts)
        self.staging = Staging(self.scripts)
        self.brakes = Brakes(self.scripts)
        self.polls = Polls(self.scripts, timezone="Europe/Minsk")
        self.views = Views(self.redis, self.keys)
        # So fast that only the gate can be in the way.
        self.limiter = Limiter(self.scripts, Pace(rate_per_s=1_000_000, burst=1000))

    @property
    def now_ms(self) -> int:
        return self.now_us // 1000

    def enqueue(
        self,
        *,
        kind: Kind = Kind.QUICK,
        phones: int | Sequence[str] = 1,
        priority: Queue = Queue.NORMAL,
        **fields: str,
    ) -> str:
        due_at_ms = int(fields.pop("due_at_ms", 0))
        message = MessageRequest(
            schedule_time=fields.pop("schedule_time", None),
            starts_at_ms=int(fields.get("starts_at_ms", 0)),
            name="Sale",
            alphaname_id="123",
            text="code",
            recipients=dict.fromkeys(
                [f"37529{1234567 + i}" for i in range(phones)]
                if isinstance(phones, int)
                else phones
            ),
        )
        job = NewJob(
            id=new_job_id(),
            kind=kind,
            priority=priority,
            fields={"on_unknown": "hold", **fields},
            messages=[message],
            due_in_ms=due_at_ms - self.now_ms if due_at_ms else None,
        )
        self.ledger.enqueue(job, Idempotency())
        return job.id

    def enqueue_many(self, count: int, priority: Queue = Queue.NORMAL) -> None:
        """Make so many quick jobs ready."""
        message = MessageRequest(
            name="", alphaname_id="123", text="code", recipients={"375291234567": None}
        )
        jobs = (
            NewJob(
                id=new_job_id(),
                kind=Kind.QUICK,
                priority=priority,
                fields={"on_unknown": "hold"},
                messages=[message],
            )
            for _ in range(count)
        )
        self.ledger.enqueue_many((job, Idempotency()) for job in jobs)

    def start_campaign(
        self,
        recipients: int,
        *,
        per_job: int = 10,
        canary: int | None = None,
        max_failed: float | None = None,
        first: int = 0,
        **fields: str,
    ) -> CampaignDraft:
        """Make a campaign live; phones count up from `first`."""
        plan = BrakePlan.check(canary, max_failed)
        draft = CampaignDraft(
            self.staging,
            fields={"on_unknown": "hold", **plan.fields(self.settings), **fields},
            max_recipients=per_job,
        )
        head = MessageRequest(name="Sale", alphaname_id="123", text="Half price", recipients={})
        draft.start_message(head)
        for i in range(first, first + recipients):
            draft.add(f"37529{1000000 + i}", None)
        draft.commit(Idempotency())
        return draft

    def campaign(self, campaign_id: str) -> Campaign:
        return load_campaign(self.redis, self.keys, campaign_id)

    def align(self, *, limit: int = 100) -> list[str]:
        """Bring all campaigns' jobs in line; returns those to ring, in order."""
        rung: list[str] = []
        while aligned := self.brakes.align(limit=limit):
            rung += [job.job_id for job in aligned.due]
        return rung

    def take(self, *, lease_s: float = 30) -> Claim | PollClaim | None:
        """Whatever is most urgent; None when nothing waits or the gate is closed."""
        slot = self.limiter.reserve()
        if not isinstance(slot, Slot):
            return None
        leases = Leases(send_ms=round(lease_s * 1000), poll_ms=60_000)
        book = self.rule_book
        claim = self.claims.claim(slot, self.limiter.pace, leases, book.rules)
        while isinstance(claim, Question | Early):
            if isinstance(claim, Question):
                book.answer(claim)
            claim = self.claims.claim(slot, self.limiter.pace, leases, book.rules)
        assert claim is NoClaim.NOTHING or isinstance(claim, Claim | PollClaim)
        if isinstance(claim, PollClaim):
            return claim
        return self.prepare(claim) if isinstance(claim, Claim) else None

    def prepare(self, claim: Claim) -> Claim:
        """Fetch what is left of a large job's request."""
        book = self.rule_book
        while not claim.is_whole:
            more = self.claims.prepare(claim, book.rules)
            if isinstance(more, Question):
                book.answer(more)
            else:
                assert isinstance(more, Claim)
                claim = more
        return claim

    def claim(self, job_id: str, *, lease_s: float = 30) -> Claim:
        claim = self.take(lease_s=lease_s)
        assert isinstance(claim, Claim)
        assert claim.job_id == job_id
        return claim

    def find_and_claim_poll(self) -> PollClaim | None:
        self.polls.find_due(limit=100)
        claim = self.take()
        assert not isinstance(claim, Claim)
        return claim

    def claim_poll(self) -> PollClaim:
        claim = self.find_and_claim_poll()
        assert claim is not None
        return claim

    def poll_of(self, job_id: str) -> PollClaim:
        """A claim to poll a job's first message, be it due or not."""
        key = self.keys.message(job_id, 1)
        number = int(self.redis.hincrby(key, "polls", 1))
        message_id, buckets = self.redis.hmget(key, "message_id", "buckets")
        return PollClaim(
            ref=f"{job_id}:1",
            number=number,
            message_id=int(str(message_id)),
            offset=0,
            age_s=5,
            size=len(list(self.views.recipients(job_id))),
            buckets=int(str(buckets)),
            is_first=True,
        )

    def recover(self, *, max_attempts: int = 8) -> list[str]:
        _, due = self.claims.recover(
            limit=100, max_attempts=max_attempts, plan=PLAN, quiet=self.rule_book.quiet_name
        )
        return [job.job_id for job in due]

    def state(self, job_id: str) -> JobState:
        return self.views.status(job_id).state

    def go_to(self, local: str, zone: str = "Europe/Minsk") -> None:
        """Set the clock to a local time as in `2026-11-24T20:59`."""
        moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
        self.now_us = round(moment.timestamp() * 1_000_000)

    def pass_s(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)

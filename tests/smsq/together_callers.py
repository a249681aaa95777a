"""What callers and operators do in test_all_together; their producers may die at any point.

In:  arguments that Hypothesis draws. Out: calls of the library, and what the model knows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import time
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize
from redis.exceptions import ConnectionError as RedisConnectionError

from smsq.campaigns.brakes import BrakePlan
from smsq.campaigns.draft import CampaignDraft
from smsq.campaigns.staging import Staging
from smsq.domain.quiet import QuietHours
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.models import JobState, MessageRequest
from smsq.names import Queue
from smsq.records.jobs import Claim, Idempotency, PollClaim
from smsq.rules.optouts import OptOuts
from smsq.rules.rules import RuleBook
from tests.smsq.campaigns.test_staging import dying_staging
from tests.smsq.gathering.test_gathering import new_send
from tests.smsq.life import Life
from tests.smsq.together import ZONES, Gateway, Look
from tests.smsq.world import PLAN

PER_JOB, CAP, EXPIRES_S = 3, 2, 2 * 3600
BY = "ops@host"
ON_UNKNOWN = ["hold", "resend"]
SANDBOX = sorted(ZONES)[::2]
phones = st.lists(st.sampled_from(sorted(ZONES)), min_size=1, unique=True)
places = st.integers(0, 50)


@dataclass(frozen=True)
class Order:
    """A campaign as its producer has it in hand, to be repeated as it is."""

    key: str
    to: tuple[str, ...]
    is_personal: bool
    fields: dict[str, str]
    ids: list[str] = field(default_factory=list)

    def place(self, staging: Staging) -> None:
        """Enqueue it, in two messages."""
        draft = CampaignDraft(
            staging,
            fields=self.fields,
            max_recipients=PER_JOB,
            key=self.key,
            earlier=staging.find_earlier(self.key),
        )
        for n, part in enumerate((self.to[::2], self.to[1::2])):
            text = None if self.is_personal else f"all of {self.key}"
            draft.start_message(
                MessageRequest(name=f"{self.key}.{n}", alphaname_id="123", text=text, recipients={})
            )
            for phone in part:
                draft.add(phone, f"{self.key} for {phone}" if self.is_personal else None)
        campaign = draft.commit(Idempotency(key=self.key))
        self.ids.append(campaign)


@dataclass
class Worker:
    """It holds a claim; what the gateway did for it is in the gateway's book."""

    claim: Claim
    is_accepted: bool
    is_certain: bool = False  #: The ledger was told whether its request was accepted.


#: What may happen next: a method's name, and its arguments.
STEPS: list[tuple[str, st.SearchStrategy[dict[str, Any]]]] = []


def step(*, times: int = 1, **arguments: st.SearchStrategy[Any]) -> Callable[..., Any]:
    """Name a method among the steps; rules of Hypothesis' own would be left out of many runs."""

    def register(method: Callable[..., None]) -> Callable[..., None]:
        STEPS.extend([(method.__name__, st.fixed_dictionaries(arguments))] * times)
        return method

    return register


class Callers(Life):
    def __init__(self) -> None:
        super().__init__()
        self.world.go_to("2026-11-24T11:00")
        self.optouts = OptOuts(self.world.scripts, self.world.settings)
        self.opted_out: set[str] = set()
        self.gateway = Gateway()
        self.orders: list[Order] = []
        self.workers: list[Worker] = []
        self.late: list[Worker] = []  # they gave the answer up for lost
        self.all_workers: list[Worker] = []
        self.proven: set[str] = set()
        self.taken_back: set[str] = set()  # jobs, and own ids
        self.polls: list[PollClaim] = []
        self.pages: list[Callable[[], object]] = []
        self.own_ids: dict[str, tuple[str, float]] = {}  # text -> own id, when it expires
        self.may_resend: set[str] = set()
        self.counted: dict[tuple[str, str], str] = {}
        self.before: Look | None = None

    @initialize(
        is_quiet=st.booleans(), is_capped=st.booleans(), sandbox=st.none() | st.just(SANDBOX)
    )
    def set_rules(self, is_quiet: bool, is_capped: bool, sandbox: list[str] | None) -> None:
        self.sandbox = sandbox
        self.cap = CAP if is_capped else 0
        self.quiet = QuietHours(time(21), time(9)) if is_quiet else None
        self.world.rule_book = RuleBook(
            self.world.scripts,
            quiet=self.quiet,
            cap_per_day=self.cap,
            home="Europe/Minsk",
            sandbox=sandbox,
        )

    # What callers do.

    @step(
        phone=st.sampled_from(sorted(ZONES)),
        priority=st.sampled_from([Queue.URGENT, Queue.NORMAL]),
        on_unknown=st.sampled_from(ON_UNKNOWN),
        wait_s=st.sampled_from([0, 0, 900]),
        expires=st.booleans(),
    )
    def send_quick(
        self, phone: str, priority: Queue, on_unknown: str, wait_s: int, expires: bool
    ) -> None:
        due_at_ms = str(self.world.now_ms + wait_s * 1000)
        fields: Any = {"on_unknown": on_unknown, "due_at_ms": due_at_ms}
        if expires:
            fields["expires_at_ms"] = str(self.world.now_ms + EXPIRES_S * 1000)
        self.world.enqueue(phones=[phone], priority=priority, **fields)

    @step(times=2, to=phones, expires_in_s=st.sampled_from([None, 3, EXPIRES_S]))
    def gather(self, to: list[str], expires_in_s: float | None) -> None:
        for phone in to:
            text = f"text number {len(self.own_ids)}"
            new = new_send(self.world, 0, text=text, expires_in_s=expires_in_s)
            own_id, _ = self.world.ledger.gather(replace(new, phone=phone), Idempotency())
            self.own_ids[text] = (own_id, self.world.now_ms + (new.expires_in_ms or float("inf")))

    @step(
        times=3,
        to=phones,
        is_personal=st.booleans(),
        canary=st.sampled_from([None, 2]),
        on_unknown=st.sampled_from(ON_UNKNOWN),
        expires=st.booleans(),
        calls=st.sampled_from([*[None] * 12, *range(12)]),
        is_answer_lost=st.booleans(),
    )
    def send_campaign(
        self,
        to: list[str],
        is_personal: bool,
        canary: int | None,
        on_unknown: str,
        expires: bool,
        calls: int | None,
        is_answer_lost: bool,
    ) -> None:
        """Its producer may die with any of its calls."""
        fields = BrakePlan.check(canary, None).fields(self.world.settings)
        fields |= {"on_unknown": on_unknown}
        if expires:
            fields["expires_at_ms"] = str(self.world.now_ms + EXPIRES_S * 1000)
        order = Order(f"order number {len(self.orders)}", tuple(to), is_personal, fields)
        self.orders.append(order)
        staging = self.world.staging
        if calls is not None:
            staging = dying_staging(self.world, calls=calls, is_answer_lost=is_answer_lost)
        with suppress(RedisConnectionError):
            order.place(staging)

    @step(which=places)
    def repeat_campaign(self, which: int) -> None:
        if not self.orders:
            return
        order = self.orders[which % len(self.orders)]
        order.place(self.world.staging)
        assert len(set(order.ids)) == 1

    @step(
        times=2,
        which=places,
        what=st.sampled_from([*["cancel a send"] * 4, "cancel", "reschedule"]),
    )
    def change_mind(self, which: int, what: str) -> None:
        if not self.known_jobs:
            return
        job_id = self.known_jobs[which % len(self.known_jobs)]
        if what == "reschedule":
            self.world.scripts.run("reschedule", job_id, 3_600_000, BY, "")  # in an hour
        elif what == "cancel a send" and self.own_ids:
            job_id = list(self.own_ids.values())[which % len(self.own_ids)][0]
        if what != "reschedule":
            with suppress(NotFoundError):  # it is staged, or purged
                now = self.world.ledger.cancel(job_id)
                if now in {JobState.CANCELLED, JobState.UNKNOWN}:
                    self.taken_back.add(job_id)

    @step(which=places, what=st.sampled_from(["pause", "resume", "pause", "resume", "cancel"]))
    def brake(self, which: int, what: str) -> None:
        if not self.campaigns:
            return
        campaign = self.campaigns[which % len(self.campaigns)]
        with suppress(InvalidMessageError, NotFoundError):
            getattr(self.world.brakes, what)(campaign, by=BY)

    @step(phone=st.sampled_from(sorted(ZONES)), is_in=st.sampled_from([True, True, False]))
    def opt_out(self, phone: str, is_in: bool) -> None:
        if is_in:
            self.optouts.add([phone])
            self.opted_out.add(phone)
        else:
            self.optouts.remove([phone])
            self.opted_out.discard(phone)

    @step(which=places, what=st.sampled_from(["settle", "resend", "retry"]))
    def operate(self, which: int, what: str) -> None:
        assert self.before
        stuck = [*self.before.sets["listed:unknown"], *self.before.sets["listed:dead"]]
        if not stuck:
            return
        job_id = stuck[which % len(stuck)]
        if what == "settle":
            is_out = any(job == job_id for job, _, _ in self.gateway.accepted)
            what = "accepted" if is_out else "failed"
        plan = (PLAN.first_ms, PLAN.horizon_ms)
        answer = self.world.scripts.run("stuck_job", job_id, what, BY, "", *plan)
        if answer[0] == "ok" and what == "resend":
            self.may_resend.add(job_id)
        if answer[0] == "ok" and what == "accepted":
            self.proven.add(job_id)
        if answer[0] == "ok" and what == "failed":
            self.forget_counted(job_id)
            for worker in self.all_workers:
                worker.is_certain |= worker.claim.job_id == job_id

    def forget_counted(self, job_id: str, phones: Iterable[str] = ZONES) -> None:
        for phone in phones:
            self.counted.pop((job_id, phone), None)

    @property
    def known_jobs(self) -> list[str]:
        return sorted(self.before.jobs) if self.before else []

    @property
    def campaigns(self) -> list[str]:
        return sorted(self.before.campaigns) if self.before else []

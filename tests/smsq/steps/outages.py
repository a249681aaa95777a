"""A worker's own code against a gateway of the test's making, on a clock that tests move."""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

from smsq.campaigns.brakes import Brakes
from smsq.delivery.matching import Matching
from smsq.domain.account import Endpoint
from smsq.errors import (
    BusyError,
    MisconfiguredError,
    NoMoneyError,
    NotSentError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)
from smsq.gateway.client import GatewayClient
from smsq.gateway.reports import ReportPage
from smsq.measures.folding import Folding
from smsq.models import BulkAccepted, JobState, Kind, MessageRequest, QuickAccepted, QuickRequest
from smsq.names import Queue
from smsq.pacing.slots import Closed
from smsq.records.jobs import PollPlan
from smsq.settings import Settings
from smsq.steps.resources import Resources
from smsq.steps.wait_for_slot import claim, use_turn
from tests.smsq.world import World
from tests.support import forget

#: How requests fail; `breaks` raises what no gateway client should.
FAILURES: dict[str, Callable[[], Exception]] = {
    "401": lambda: MisconfiguredError("401", status=401),
    "403": lambda: MisconfiguredError("403: content", status=403),
    "404": lambda: MisconfiguredError("404", status=404),
    "429": lambda: BusyError("429", status=429),
    "429 for a while": lambda: BusyError("429", status=429, retry_after_s=2),
    "invalid token": lambda: MisconfiguredError("invalid token", status=401, is_certain=True),
    "402": lambda: NoMoneyError("402", status=402),
    "no money": lambda: NoMoneyError("insufficient funds", status=200),
    "500": lambda: TemporaryError("500", status=500),
    "503": lambda: TemporaryError("503", status=503),
    "503 for a while": lambda: TemporaryError("503", status=503, retry_after_s=2),
    "no connection": lambda: NotSentError("the gateway could not be reached"),
    "HTML": lambda: UnknownOutcomeError("unreadable answer 200", status=200),
    "lost": lambda: UnknownOutcomeError("no answer after the request was written"),
    "400": lambda: RefusedError("400", status=400),
    "breaks": lambda: ZeroDivisionError("no client does this"),
}


class FakeGateway:
    """Takes everything but what the test says.

    Attributes:
        fails: Phone, or message id, to the name of its failure.
        all_fail: How everything fails; None for as `fails` says.
        endpoint_fails: Endpoint to how everything fails there.
        requests: What was asked for, by phone or message id, in order.
    """

    def __init__(self) -> None:
        self.fails: dict[str, str] = {}
        self.all_fail: str | None = None
        self.endpoint_fails: dict[Endpoint, str] = {}
        self.requests: list[str] = []
        self.taken: Counter[str] = Counter()

    def send_quick(self, request: QuickRequest) -> QuickAccepted:
        self._ask(request.phone, Endpoint.QUICK)
        self.taken[request.phone] += 1
        return QuickAccepted(int(request.phone), "NEW", 1)

    def send_bulk(self, messages: Sequence[MessageRequest], _: str) -> BulkAccepted:
        [phone] = messages[0].recipients
        self._ask(phone, Endpoint.BULK)
        self.taken[phone] += 1
        return BulkAccepted(phone)

    def fetch_reports(
        self, message_id: int, *, offset: int, rows: int, size: int = 0
    ) -> ReportPage:
        self._ask(f"poll {message_id}", Endpoint.POLL)
        return ReportPage([])

    def close(self) -> None:
        """Nothing is open."""

    def _ask(self, what: str, endpoint: Endpoint) -> None:
        self.requests.append(what)
        failure = self.all_fail or self.endpoint_fails.get(endpoint) or self.fails.get(what)
        if failure:
            raise FAILURES[failure]()


class Drive:
    """One worker, step by step.

    Attributes:
        nap_s: How far the clock goes on where there is nothing to do.
        closed: Why the gate was closed, each time somebody asked.
        nap_at_gate_s: At a closed gate, somebody asks again after this long.
    """

    def __init__(self, settings: Settings) -> None:
        self.world = World(settings)
        self.gateway = FakeGateway()
        self.resources = replace(
            Resources.build(settings),
            scripts=self.world.scripts,
            ledger=self.world.ledger,
            claims=self.world.claims,
            staging=self.world.staging,
            polls=self.world.polls,
            limiter=self.world.limiter,
            rule_book=self.world.rule_book,
            brakes=Brakes(self.world.scripts),
            matching=Matching(self.world.scripts, self.world.polls, PollPlan.of(settings)),
            folding=Folding(self.world.scripts),
            gateway=cast(GatewayClient, self.gateway),
        )
        self.started_us = self.world.now_us
        self.phones: dict[str, str] = {}
        self.closed: list[str] = []
        self.ticked_s = -math.inf
        self.nap_s = 2.0
        self.nap_at_gate_s = math.inf

    @property
    def now_s(self) -> float:
        return (self.world.now_us - self.started_us) / 1e6

    def enqueue(self, queue: Queue = Queue.NORMAL, kind: Kind = Kind.QUICK, **fields: str) -> str:
        phone = f"37529{1000000 + len(self.phones)}"
        job = self.world.enqueue(kind=kind, phones=[phone], priority=queue, **fields)
        self.phones[job] = phone
        return job

    def spoil(self, job: str, failure: str) -> None:
        self.gateway.fails[self.phones[job]] = failure

    def idle(self, *, for_s: float) -> None:
        """Work for so long, and look for work less often: most of the time there is none."""
        self.nap_s, often_s = 20.0, self.nap_s
        self.run(lambda: False, for_s=for_s)
        self.nap_s = often_s

    def run(self, until: Callable[[], bool], *, for_s: float) -> None:
        """Work until something holds, or for so long on the world's clock."""
        until_s = self.now_s + for_s
        while not until() and self.now_s < until_s:
            self.step()

    def step(self) -> None:
        """Use one slot, or wait for what comes next; beat ticks once a second."""
        if self.now_s >= self.ticked_s + 1:
            self.ticked_s = self.now_s
            self.world.recover()
            self.world.polls.find_due(limit=100)
        slot = self.resources.limiter.reserve()
        if slot is None:
            self.world.pass_s(self.nap_s)
        elif isinstance(slot, Closed):
            self.closed.append(slot.why)
            self.world.pass_s(min(slot.wait_s, self.nap_at_gate_s))
        else:
            self.world.pass_s(max(slot.wait_s, 0.01))
            turn = claim(self.resources, slot)
            if turn is not None:
                use_turn(self.resources, turn)

    def are_out(self, jobs: Sequence[str]) -> bool:
        """Whether the gateway took all of them."""
        return all(self.phones[job] in self.gateway.taken for job in jobs)

    def states(self, jobs: Sequence[str]) -> Counter[JobState]:
        return Counter(self.world.state(job) for job in jobs)


@contextmanager
def drive(settings: Settings) -> Iterator[Drive]:
    """A worker in a ledger of its own, which leaves nothing."""
    name = f"{settings.namespace}.{uuid.uuid4().hex[:8]}"
    made = Drive(replace(settings, namespace=name))
    yield made
    forget(made.world.redis, f"{name}:")
    made.resources.close()
    made.world.redis.close()

"""What a worker process needs: ledger, limiter, gateway client.

In:  `Settings`. Out: one `Resources`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from redis import Redis

from smsq.campaigns.brakes import Brakes
from smsq.campaigns.staging import Staging
from smsq.delivery.matching import Matching
from smsq.delivery.polls import Polls
from smsq.domain.backoff import Backoff, PollSchedule
from smsq.domain.outcomes import RetryPolicy, Verdict
from smsq.environment.console import CONSOLE, is_console
from smsq.gateway.client import GatewayClient
from smsq.gateway.lookup import MessageIdSource, NoSource
from smsq.gateway.receipts import receipt_url
from smsq.ledger.ledger import Ledger
from smsq.measures.exchange import Exchange
from smsq.measures.folding import Folding
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace
from smsq.records.jobs import Claim, Leases, PollPlan
from smsq.rings.rings import Rings
from smsq.rings.ticks import Ticks
from smsq.rules.rules import RuleBook
from smsq.sending.claims import Claims
from smsq.settings import Settings
from smsq.steps.console import ConsoleGateway
from smsq.steps.heartbeat.pace import HeartbeatPace
from smsq.store.connection import WORKER_TIMEOUT_S, connect_for
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts

#: A claim outlives its request by as much again, within these bounds: time to write down what came
#: of it. A gateway that answers within 2 s is not waited for much longer after a crash.
LEAST_LEASE_MARGIN_S, LEASE_MARGIN_S = 2.0, 15.0

#: A receipt's address is good for so many horizons of polls, and for a day at least.
RECEIPT_HORIZONS, RECEIPT_LEAST_S = 2, 86_400

#: A poll's claim does the same; a page more or less does no harm.
POLL_LEASE_MARGIN_S = 30.0


#: Is told of each verdict that was written down; it must neither raise nor wait.
Watcher = Callable[[Claim, Verdict, Exchange], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that tasks use; `stop` is set when the process shuts down."""

    settings: Settings
    redis: Redis
    keys: Keys
    scripts: Scripts
    ledger: Ledger
    claims: Claims
    staging: Staging
    brakes: Brakes
    polls: Polls
    limiter: Limiter
    gateway: GatewayClient | ConsoleGateway
    rings: Rings
    matching: Matching
    rule_book: RuleBook
    folding: Folding
    retry_policy: RetryPolicy
    poll_schedule: PollSchedule
    message_ids: MessageIdSource = field(default_factory=NoSource)
    stop: threading.Event = field(default_factory=threading.Event)
    heartbeat_pace: HeartbeatPace = field(default_factory=HeartbeatPace)
    watchers: list[Watcher] = field(default_factory=list)

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Build from settings; connections are made when first used."""
        redis = connect_for(settings, timeout_s=WORKER_TIMEOUT_S)
        scripts = Scripts.of(redis, settings)
        polls = Polls(scripts, timezone=settings.timezone, words=settings.words)
        matching = Matching(scripts, polls, PollPlan.of(settings))
        return cls(
            settings=settings,
            redis=redis,
            keys=scripts.keys,
            scripts=scripts,
            ledger=Ledger(scripts),
            claims=Claims(scripts),
            staging=Staging(scripts),
            brakes=Brakes(scripts),
            polls=polls,
            matching=matching,
            rule_book=RuleBook.of(scripts, settings),
            folding=Folding(scripts),
            limiter=Limiter(
                scripts,
                Pace(
                    rate_per_s=settings.rate_per_s,
                    burst=settings.burst,
                    poll_share=settings.poll_share,
                    probe_s=settings.timeout_s,
                ),
            ),
            gateway=_gateway_of(settings, redis, matching),
            rings=Rings.of(settings),
            retry_policy=RetryPolicy(
                max_attempts=settings.max_attempts,
                backoff=Backoff(settings.backoff_first_s, settings.backoff_max_s),
            ),
            poll_schedule=PollSchedule(
                first_s=settings.poll_first_s,
                max_s=settings.poll_max_s,
                horizon_s=settings.poll_horizon_s,
            ),
        )

    @property
    def lease_s(self) -> float:
        """How long a claim is held: one whole request and the time to settle it."""
        timeout_s = self.settings.timeout_s
        return timeout_s + min(max(timeout_s, LEAST_LEASE_MARGIN_S), LEASE_MARGIN_S)

    @property
    def leases(self) -> Leases:
        """How long claims are held, for the ledger."""
        return Leases(
            send_ms=round(self.lease_s * 1000),
            poll_ms=round((self.settings.timeout_s + POLL_LEASE_MARGIN_S) * 1000),
        )

    @property
    def ticks(self) -> Ticks:
        """Which of beat's ticks are worth their work."""
        return Ticks(self.scripts)

    @property
    def poll_plan(self) -> PollPlan:
        """When an accepted job is polled first and given up."""
        return PollPlan.of(self.settings)

    def callback_url(self, claim: Claim) -> str:
        """Address for a job's receipt; "" when no receiver is set up.

        It is good for twice the horizon of polls from when the gateway begins to send: an address
        in somebody's old log teaches nothing.
        """
        address = self.settings.callback_url
        if not address and is_console(self.settings.gateway_url):
            address = CONSOLE  # it only has to know the job
        if not address:
            return ""
        begins_s = max(claim.claimed_at_s, claim.starts_at_s)
        good_s = max(RECEIPT_HORIZONS * self.settings.poll_horizon_s, RECEIPT_LEAST_S)
        return receipt_url(
            address,
            claim.job_id,
            next(iter(self.settings.callback_secrets), ""),
            until_s=round(begins_s + good_s),
        )

    def close(self) -> None:
        """Give every connection back."""
        self.gateway.close()
        self.rings.close()
        self.redis.close()


def _gateway_of(
    settings: Settings, redis: Redis, matching: Matching
) -> GatewayClient | ConsoleGateway:
    if is_console(settings.gateway_url):
        return ConsoleGateway(settings, redis, matching)
    return GatewayClient(
        settings.gateway_url,
        settings.gateway_token,
        timeout_s=settings.timeout_s,
        ca_file=settings.gateway_ca_file,
        proxy=settings.gateway_proxy,
    )

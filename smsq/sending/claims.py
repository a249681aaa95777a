"""Claims: the right to make one request, and what became of it. Redis hashes moved by Lua scripts.

In:  slots, and verdicts of workers. Out: claims to workers, rings that are due.

Each method is one script call and so atomic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from smsq.domain.outcomes import Verdict
from smsq.measures.exchange import NO_EXCHANGE, Exchange
from smsq.models import Kind
from smsq.names import Durability, Queue
from smsq.pacing.slots import Early, Pace, Slot
from smsq.records.jobs import (
    Claim,
    Due,
    Leases,
    NoClaim,
    PollClaim,
    PollPlan,
    Question,
    Rules,
    Unprepared,
)
from smsq.records.unpacking import read_claim_answer, read_prepared
from smsq.rings.ticks import HEARTBEAT_TTL_S, NO_TICK, Tick
from smsq.store.durability import wait_for
from smsq.store.scripts import Scripts

NO_RULES = Rules()


class Claims:
    """A job's way out. A failing Redis raises `redis.RedisError`; callers decide what that means.

    Args:
        scripts: Of the queue's namespace.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts.run
        self._redis = scripts.redis

    def claim(
        self, slot: Slot, pace: Pace, leases: Leases, rules: Rules = NO_RULES
    ) -> Claim | PollClaim | Early | NoClaim | Question | Unprepared:
        """Use a slot whose time has come: take the right to make one request.

        Returns:
            A claim on what is most urgent now, be it a job or a message to poll; or why there is
            none. A question comes only where there are rules: answer it, and ask again. What is
            unprepared is to be set aside.
        """
        answer = self._run(
            "claim",
            pace.rate_per_s,
            pace.burst,
            pace.poll_share,
            slot.epoch,
            int(slot.is_probe),
            int(slot.wait_s > 0),
            leases.send_ms,
            leases.poll_ms,
            *_write_rules(rules),
        )
        return read_claim_answer(answer)

    def set_aside(self, what: Unprepared) -> str:
        """Take what cannot be prepared out of the line, so that the next in line goes.

        A job waits for a pause that grows to an hour, counted apart from its attempts; after so
        many pauses it is dead (sending/unprepared.lua).

        Returns:
            The state that the job is in now; `stale` or `missing` when it is not ours any more.
        """
        number = "" if what.number is None else what.number
        return str(self._run("set_aside", what.id, number, what.why))

    def prepare(
        self, claim: Claim, rules: Rules = NO_RULES
    ) -> Claim | NoClaim | Question | Unprepared:
        """Prepare the next slice of a claimed job that is larger than one call can hand out.

        Returns:
            The claim with one slice more; or why it is none any more. Questions, and what is
            unprepared, as for `claim`.
        """
        answer = self._run("prepare", claim.job_id, claim.number, *_write_rules(rules))
        return read_prepared(claim, answer)

    def confirm(self, claim: Claim, *, wait_ms: int, level: Durability = Durability.DISK) -> bool:
        """Wait until a claim is on Redis' disk, or on a replica, so that no crash can forget it.

        Returns:
            False when it is not there in time, or is no longer ours: then it must not be used.
        """
        pipeline = self._redis.pipeline(transaction=False)
        self._run("confirm", claim.job_id, claim.number, client=pipeline)
        answer, is_kept = wait_for(pipeline, level, wait_ms)
        return bool(answer == "ok" and is_kept)

    def settle(
        self,
        claim: Claim,
        verdict: Verdict,
        plan: PollPlan,
        exchange: Exchange = NO_EXCHANGE,
    ) -> bool:
        """Write down what an attempt came to, and measure its request.

        Returns:
            False when a newer claim has taken over: then this news only takes doubt back. True for
            what this claim said before, too.
        """
        answer = self._run(
            "settle",
            claim.job_id,
            claim.number,
            verdict.state,
            verdict.error,
            round(verdict.delay_s * 1000),
            int(verdict.is_counted),
            json.dumps({**verdict.gateway_fields, "error_class": verdict.error_class}),
            "" if verdict.message_id is None else verdict.message_id,
            plan.first_ms,
            plan.horizon_ms,
            *exchange.args,
        )
        return bool(answer == "ok")

    def recover(
        self,
        *,
        limit: int,
        max_attempts: int,
        plan: PollPlan,
        quiet: str = "",
        tick: Tick | None = None,
    ) -> tuple[int, Sequence[Due]]:
        """Give up to `limit` due jobs their next step; fewer where many recipients are given up.

        Args:
            limit: Most jobs in one call.
            max_attempts: A job to be resent is held instead once it has made so many.
            plan: For jobs that turn out to be accepted.
            quiet: Names the quiet hours in force: jobs that wait for the end of others are due.
            tick: Beat's, that this is for; it is taken.

        Returns:
            How many were looked at, 0 when none is due and -1 when the tick is superseded, and the
            ones to ring.
        """
        looked_at, rows = self._run(
            "recover",
            limit,
            max_attempts,
            plan.first_ms,
            plan.horizon_ms,
            quiet,
            *(tick.args if tick else NO_TICK),
            HEARTBEAT_TTL_S,
        )
        return looked_at, [Due(i, Kind(kind), Queue(priority)) for i, kind, priority in rows]


def _write_rules(rules: Rules) -> tuple[str, str, int]:
    """Write rules as rules.lua reads them: a script's last arguments."""
    return rules.sandbox, rules.calendar, rules.cap_per_day

"""One limiter for the whole cluster: slots of one rate, and one gate that closes for everybody.

In:  the rate, and what the gateway answered. Out: when the next request may start.

The clock is Redis' own, so any number of workers with any clocks share one truth. A slot is a time
and not yet a job: when it has come, `Claims.claim` takes what is most urgent then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from smsq.domain.account import (
    BROKEN,
    BUSY,
    Endpoint,
    GateRule,
    Heard,
    Scope,
    find_rule,
    name_closing,
    read_pause_s,
)
from smsq.domain.backoff import roll
from smsq.errors import BusyError, GatewayError, MisconfiguredError
from smsq.pacing.slots import Closed, Closing, Pace, Slot
from smsq.store.scripts import Arg, Scripts

#: A probe that says nothing for so long after its own time-out is taken for lost.
PROBE_MARGIN_S = 5.0

#: Nobody asked for a slot for so long: nobody holds for one. At a closed gate holders ask each 8 s.
IDLE_S = 15.0

#: What this process takes for the ledger's time may be off by so much.
LATE_S = 2.0

#: No slot was used for so long: slots go unused.
SPARE_S = 0.5

#: What has waited for less is about to be taken by the worker that was rung.
MIN_AGE_S = 2.0


class Limiter:
    """Slots for gateway requests, shared by every process on the same Redis."""

    def __init__(self, scripts: Scripts, pace: Pace) -> None:
        self._scripts = scripts
        self.pace = pace

    def reserve(self) -> Slot | Closed | None:
        """Reserve the next slot.

        Returns:
            The slot; or how long the gate is closed; or None when nothing waits for a slot.
        """
        probe_us = round((self.pace.probe_s + PROBE_MARGIN_S) * 1e6)
        answer, *rest = self._run("slot", probe_us)
        if answer == "needless":
            return None
        wait_us, *more = rest
        wait_s = float(wait_us) / 1e6
        if answer == "closed":
            epoch, why, is_partial = more
            return Closed(wait_s, epoch, why, is_partial=bool(is_partial))
        epoch, is_probe, waiting = more
        return Slot(wait_s=wait_s, epoch=epoch, is_probe=bool(is_probe), waiting=waiting)

    def epoch(self) -> str:
        """Say what slots reserved now would carry; a reserved slot with another is void."""
        return str(self._scripts.redis.hget(self._scripts.keys.limiter, "epoch") or "0")

    def hear(
        self, slot: Slot, failure: GatewayError, *, who: str, endpoint: Endpoint
    ) -> tuple[Heard, Closing | None]:
        """Take a failure in: close its endpoint's gate if it is the account's, or that of all.

        Args:
            slot: Of the request that failed.
            failure: How.
            who: The job, or the message to poll as `<job id>:<n>`.
            endpoint: What it was asked through.

        Returns:
            Whose fault it is; and what was done to the gate, None for nothing.
        """
        rule = find_rule(failure)
        if rule is None:
            self.hand_back(slot, who=who, endpoint=endpoint)
            return Heard(Scope.ALONE), None
        pause_s = rule.max_s if rule.is_fixed else read_pause_s(failure)
        return self._fail(slot, rule, failure, pause_s, who=who, endpoint=endpoint)

    def close_busy(self, slot: Slot, retry_after_s: float | None) -> Closing | None:
        """Close the gate after a 429 to nobody in particular, and lower the rate.

        Args:
            slot: Of the request that was answered so.
            retry_after_s: What the gateway asked for; None for a pause that grows with each closing
                in a row.

        Returns:
            What was done; None when this 429 is old news.
        """
        return self._fail(slot, BUSY, BusyError("429"), retry_after_s)[1]

    def close_broken(self, slot: Slot, why: str) -> None:
        """Close the gate because token or address are wrong; a probe a minute tries again."""
        self._fail(slot, BROKEN, MisconfiguredError(why), BROKEN.max_s)

    def pass_probe(self, slot: Slot) -> None:
        """Open the gate for everyone: the probe was answered, and `Claims.settle` counted it."""
        self._gate("passed", slot)

    def pass_poll(self, slot: Slot) -> None:
        """Take in that a page of reports was answered."""
        self._gate("passed", slot, more=(0, 0, 0, Endpoint.POLL))

    def hand_back(self, slot: Slot, *, who: str, endpoint: Endpoint) -> None:
        """Take in that no request was made: a probe's place is free for another.

        Args:
            slot: Of the request.
            who: The job, or the message to poll as `<job id>:<n>`.
            endpoint: What it would have been asked through.
        """
        self._gate("unused", slot, more=(0, 0, 0, endpoint, "", who))

    def pause(self, why: str, *, by: str = "") -> None:
        """Close the gate until `resume`.

        Args:
            why: Shown to operators.
            by: Who, for the audit trail; "" leaves nothing there.
        """
        self._run("wish", "pause", why, by)

    def resume(self, *, by: str = "") -> None:
        """Open the gate; after a 429 or a wrong token one probe still goes first."""
        self._run("wish", "resume", "", by)

    def set_rate(self, rate_per_s: float | None, *, by: str) -> None:
        """Set the ceiling for every worker, from now on.

        Args:
            rate_per_s: Above 0; None goes back to the setting.
            by: Who, as user@host; kept with it.
        """
        self._run("rate", "" if rate_per_s is None else rate_per_s, by)

    def find_forgotten(self, *, limit: int) -> list[tuple[str, list[tuple[str, str]]]]:
        """Name what waits while too few workers do anything about it.

        Returns:
            Pairs of a class (`urgent`, `normal`, `bulk`, `poll`) and its ids, each with the kind
            of its job; "" for messages to poll. Up to `limit` for each class.
        """
        if self._is_closed_and_held():
            return []
        found = self._run(
            "forgotten", round(IDLE_S * 1e6), round(SPARE_S * 1e6), round(MIN_AGE_S * 1e3), limit
        )
        return [(queue, [(row[0], row[1]) for row in rows]) for queue, rows in found]

    def _is_closed_and_held(self) -> bool:
        """Say so where one command suffices: for long nothing may go, and somebody holds."""
        scripts = self._scripts
        now_us = scripts.watch.at_most_us() if scripts.watch else None
        if now_us is None:
            return False
        asked = scripts.redis.hmget(scripts.keys.limiter, "closed_until_us", "looked_at_us")
        closed_until_us, looked_at_us = (float(one or 0) for one in cast("list[str | None]", asked))
        is_held = 0 <= now_us - looked_at_us < (IDLE_S - LATE_S) * 1e6
        return is_held and closed_until_us > now_us + LATE_S * 1e6

    def _fail(
        self,
        slot: Slot,
        rule: GateRule,
        failure: GatewayError,
        pause_s: float | None,
        *,
        who: str = "",
        endpoint: Endpoint | None = None,
    ) -> tuple[Heard, Closing | None]:
        why = name_closing(failure, rule, endpoint)
        scope, times, own, changed, *news = self._gate(
            "failed",
            slot,
            "" if pause_s is None else max(1, round(pause_s * 1e6)),
            why,
            (
                *(round(rule.first_s * 1e6), round(rule.max_s * 1e6), roll(), endpoint or ""),
                *(failure.outcome, who, rule.different, rule.least, int(rule.is_of_rate)),
            ),
        )
        closing = Closing(float(news[0]) / 1e6, float(news[1]), why) if changed and news else None
        return Heard(Scope(scope), int(times), int(own), why), closing

    def _gate(
        self,
        what: str,
        slot: Slot,
        pause_us: Arg = "",
        why: str = "",
        more: Sequence[Arg] = (0, 0, 0, ""),
    ) -> Any:
        return self._run("gate", what, slot.epoch, int(slot.is_probe), pause_us, why, *more)

    def _run(self, name: str, *args: Arg) -> Any:
        return self._scripts.run(name, self.pace.rate_per_s, self.pace.burst, *args)

"""What doctor makes of the processes: workers, their queues and gateway, beat. Pure.

In:  what workers said of themselves and to Celery. Out: checks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from smsq.names import QUEUES
from smsq.operate.checks import Check, Mark
from smsq.rings.broker import read_queue
from smsq.rings.presence import DEAF_AFTER_S, Running, names_sandbox
from smsq.rings.ticks import LATE_BEAT_S
from smsq.status.heartbeat_sms import HeartbeatSms
from smsq.store.agreement import Difference

#: Of one queue. Producers stop at 2,000.
MANY_RINGS = 1000

#: So many deliveries are on their way where the receiver is slow, or away.
MANY_DELIVERIES = 100

#: A poll that waits for longer makes delivery states late.
LATE_POLL_S = 60.0

#: Workers of two versions run side by side while they are restarted one by one, and not for longer.
SIDE_BY_SIDE_S = 900.0

#: Bounds of kombu's visibility time-out: above any hold of a moment, below its default of an hour.
RING_AWAY_LEAST_S, RING_AWAY_MOST_S = 60, 3600


def check_workers(ages_s: Mapping[str, float]) -> Check:
    """Look which workers take rings, by what they say of themselves."""
    deaf = {name: age_s for name, age_s in ages_s.items() if age_s > DEAF_AFTER_S}
    live = sorted(ages_s.keys() - deaf.keys())
    if deaf:
        told = ", ".join(f"{name} ({age_s:.0f} s)" for name, age_s in sorted(deaf.items()))
        detail = f"{len(live)} take rings; silent: {told}"
        fix = "killed ones are forgotten in 15 min; restart those whose process still runs"
        return Check("workers", Mark.WARNING if live else Mark.ERROR, detail, fix)
    if live:
        return Check("workers", Mark.OK, f"{', '.join(live)} take rings")
    return Check("workers", Mark.ERROR, "none takes rings", "start one: smsq worker")


def check_versions(
    ages_s: Mapping[str, float], told: Mapping[str, Running], mine: str
) -> Iterator[Check]:
    """Look whether all workers run one smsq.

    Args:
        ages_s: Worker to the seconds since it asked for rings.
        told: Worker to the smsq that it runs; one that is too old does not say.
        mine: The smsq that looks.
    """
    silent = Running("a version that does not say so", math.inf)
    running = {name: told.get(name, silent) for name, s in ages_s.items() if s <= DEAF_AFTER_S}
    for_s: dict[str, float] = {}
    for one in running.values():
        for_s[one.version] = max(one.for_s, for_s.get(one.version, 0.0))
    if not for_s:
        return
    if len(for_s) == 1:
        [version] = for_s
        also = "" if version == mine else f"; this command is {mine}"
        yield Check("versions", Mark.OK, f"all workers run {version}{also}")
        return
    names = {each: [n for n, one in running.items() if one.version == each] for each in for_s}
    told_all = "; ".join(f"{each}: {', '.join(sorted(names[each]))}" for each in sorted(for_s))
    # The one that came last.
    together_s = min(for_s.values())
    detail = f"{told_all} (for {together_s / 60:.0f} min)"
    if together_s <= SIDE_BY_SIDE_S:
        yield Check("versions", Mark.OK, detail)
        return
    yield Check("versions", Mark.WARNING, detail, "restart the workers of the older version")


def check_gateway_name(mine: str, theirs: str) -> Iterator[Check]:
    """Look whether the workers send where this environment says."""
    if theirs and theirs != mine:
        detail = f"the workers send to {theirs}, and the settings here say {mine}"
        fix = (
            "give each installation a SMSQ_NAMESPACE of its own; after a change of "
            "SMSQ_GATEWAY_URL or SMSQ_SANDBOX, stop all workers and start them again"
        )
        yield Check("installation", Mark.ERROR, detail, fix)


def check_sandbox(gateway: str) -> Iterator[Check]:
    """Shout where customers get nothing."""
    if names_sandbox(gateway):
        detail = "SANDBOX: only SMSQ_SANDBOX_PHONES are sent to; every other phone is withheld"
        fix = "where customers wait for messages, set SMSQ_SANDBOX=0 and restart all workers"
        yield Check("sandbox", Mark.WARNING, detail, fix)


def check_queues(answers: Mapping[str, Any]) -> Check:
    """Look whether some worker takes each queue."""
    taken = {read_queue(queue["name"]) for queues in answers.values() for queue in queues}
    missing = [str(queue) for queue in QUEUES if queue not in taken]
    if not missing:
        detail = f"all taken, by {len(answers)} worker{'s' if len(answers) > 1 else ''}"
        return Check("queues", Mark.OK, detail)
    detail = f"nobody takes {', '.join(missing)}" if answers else "no worker answers"
    return Check("queues", Mark.ERROR, detail, "start a worker: smsq worker")


def check_visibility(answers: Mapping[str, Any]) -> Iterator[Check]:
    """Look for how long a worker's broker keeps the rings that it took from others.

    Our workers keep no copy of a ring, so there is nothing to time out. One that keeps them (of an
    older version, or set up otherwise) loses and doubles nothing either, for the ledger fences; but
    with too short a time rings at hand are handed out again for nothing.
    """
    for worker, stats in sorted(answers.items()):
        broker = stats.get("broker", {})
        options = broker.get("transport_options") or {}
        if not broker.get("transport", "").startswith("redis") or not options.get(
            "ack_emulation", True
        ):
            continue
        timeout_s = options.get("visibility_timeout")
        if timeout_s is None or not RING_AWAY_LEAST_S <= timeout_s <= RING_AWAY_MOST_S:
            told = "none: an hour by default" if timeout_s is None else f"{timeout_s:g} s"
            detail = f"{told}, at {worker}"
            fix = "run workers of this version: they need none"
            yield Check("visibility timeout", Mark.WARNING, detail, fix)


def check_rings(lengths: Mapping[str, int]) -> Check:
    """Look whether rings pile up.

    Args:
        lengths: Queue to the rings that no worker has taken.
    """
    told = ", ".join(f"{queue} {length}" for queue, length in lengths.items())
    if max(lengths.values()) < MANY_RINGS:
        return Check("rings", Mark.OK, f"not taken yet: {told}")
    return Check(
        "rings",
        Mark.WARNING,
        f"they pile up: {told}",
        "no harm is done, but the workers do not keep up: start more, and see `polls`",
    )


def check_polls(due: int, oldest_s: float) -> Check:
    """Look whether polls keep up.

    Args:
        due: Messages whose poll is due.
        oldest_s: How long the first of them has waited.
    """
    if oldest_s < LATE_POLL_S:
        return Check("polls", Mark.OK, f"{due} due")
    detail = f"{due} due, the first for {oldest_s:.0f} s: delivery states come late"
    return Check("polls", Mark.WARNING, detail, "start more workers, or raise SMSQ_POLL_SHARE")


def check_agreement(differences: Sequence[Difference]) -> Check:
    """Look whether all processes have the same values of settings that must be alike."""
    if not differences:
        return Check("same settings", Mark.OK, "no process says otherwise")
    detail = "; ".join(str(one) for one in differences)
    fix = "give all the same value and restart them; who ended is forgotten in 15 min"
    return Check("same settings", Mark.WARNING, detail, fix)


def check_webhook(waiting: int, given_up: int, ended_at: datetime | None) -> Check:
    """Look whether the webhook's receiver takes what is posted.

    Args:
        waiting: Deliveries that are on their way.
        given_up: Deliveries that were tried for a day, and are kept.
        ended_at: Since when nothing is posted, for the receiver answered 410.
    """
    said = f"{waiting:,} deliver{'y waits' if waiting == 1 else 'ies wait'}"
    if ended_at is not None:
        detail = f"the receiver answered 410 at {ended_at:%Y-%m-%d %H:%M} UTC: nothing is posted"
        fix = "smsq webhook resume, or set SMSQ_WEBHOOK_URL"
        return Check("webhook", Mark.ERROR, f"{detail}; {said}", fix)
    if given_up:
        detail = f"{said}, {given_up:,} given up: the receiver did not take them for a day"
        return Check("webhook", Mark.WARNING, detail, "smsq webhook list, then smsq webhook replay")
    if waiting > MANY_DELIVERIES:
        fix = "see that web runs and that your app answers 2xx within 10 s"
        return Check("webhook", Mark.WARNING, f"{said}: they do not get through", fix)
    return Check("webhook", Mark.OK, said)


def check_beat(age_s: float | None) -> Check:
    """Look when beat's ticks were last worked off."""
    if age_s is not None and age_s <= LATE_BEAT_S:
        return Check("beat", Mark.OK, f"last tick {age_s:.0f} s ago")
    detail = "no tick in the last hour" if age_s is None else f"last tick {age_s:.0f} s ago"
    return Check("beat", Mark.ERROR, detail, "start beat (smsq beat) and a worker")


def check_heartbeat_sms(beat: HeartbeatSms | None) -> Check:
    """Look whether the operator's own phone gets its messages."""
    if beat is None:
        return Check("heartbeat SMS", Mark.WARNING, "none was sent yet", "start a worker and beat")
    if beat.failed:
        detail = f"the last did not arrive: {beat.failed}"
        return Check("heartbeat SMS", Mark.ERROR, detail, f"smsq why {beat.job_id}")
    detail = f"the last one arrived {beat.age_s:.0f} s ago"
    if beat.is_late:
        fix = f"ask the gateway whether it delivers; smsq why {beat.job_id}"
        return Check("heartbeat SMS", Mark.ERROR, f"none arrived for {beat.age_s:.0f} s", fix)
    return Check("heartbeat SMS", Mark.OK, detail)

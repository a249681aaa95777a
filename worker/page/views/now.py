"""The page "Now": what waits, whether it goes, how fast, who works, what the doctor would say.

In:  the ledger. Out: the template `now.html`; the gate and the rate, turned by an operator.
"""

from __future__ import annotations

import math

from smsq.models import JobState
from smsq.operate.controls import Controls
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace
from smsq.status.overview import read_overview
from worker.page.frame import Act, Moved, Page, Services, Shown, View, Visit

#: A job that should go out at once, and one that may wait, are late after so long.
_LATE_S = {"urgent": 10.0, "normal": 60.0, "bulk": 300.0, "poll": 60.0}

#: Shown apart: what is on its way, and what may need somebody.
_OPEN = (JobState.WAITING, JobState.SUBMITTING, JobState.ACCEPTED)
_STUCK = (JobState.UNKNOWN, JobState.DEAD)


def show(visit: Visit) -> Shown:
    """Show how everything is, the same to all viewers."""
    services, settings = visit.services, visit.services.settings
    keys = services.scripts.keys
    overview = read_overview(services.redis, keys, settings.rate_per_s, settings.words)
    is_paused = any(math.isinf(one.for_s) for one in overview.stats.rate.closures)
    return Shown(
        "now.html",
        {
            "overview": overview,
            "rate": overview.stats.rate,
            "is_paused": is_paused,
            "is_endless": math.isinf,
            "late_s": _LATE_S,
            "on_their_way": [(state, overview.stats.jobs[state]) for state in _OPEN],
            "stuck": [(state, overview.stats.jobs[state]) for state in _STUCK],
            "speed": services.speed.read(),
            "doctor": services.doctor.ask(),
        },
    )


def pause(visit: Visit) -> Moved:
    """Stop every request to the gateway."""
    _controls(visit).pause()
    return Moved("/", "said.paused")


def resume(visit: Visit) -> Moved:
    """Open the gate."""
    _controls(visit).resume()
    return Moved("/", "said.resumed")


def set_rate(visit: Visit) -> Moved:
    """Set the ceiling of the rate; nothing goes back to the setting."""
    written = visit.form.get("rate", "").strip().replace(",", ".")
    _controls(visit).set_rate(_to_number(written) if written else None)
    return Moved("/", "said.rate")


def _to_number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return math.nan  # refused, with what to write


def _controls(visit: Visit) -> Controls:
    services: Services = visit.services
    pace = Pace(rate_per_s=services.settings.rate_per_s, burst=services.settings.burst)
    return Controls(services.redis, Limiter(services.scripts, pace), by=visit.by)


PAGE = Page(
    "now",
    views=[View("/", show, shared_s=2.0, again_s=8)],
    acts=[Act("/pause", pause), Act("/resume", resume), Act("/rate", set_rate)],
)

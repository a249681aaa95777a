"""What commands say of a campaign's brakes, and the options that set them.

In:  a brake; what stands on the command line. Out: words, JSON, numbers.
"""

from __future__ import annotations

from typing import Any

import click

from smsq.status.status import Brake, BrakeState

_PERCENT = 100

#: What an operator may do, for people.
_NEXT = {
    BrakeState.PAUSED: "smsq resume {id} continues it",
    BrakeState.CANARY: "smsq resume {id} --anyway does not wait for them",
    BrakeState.STOPPED: "smsq resume {id} continues it anyway, smsq cancel {id} ends it",
    BrakeState.CANCELLED: "",
}


def to_share(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Read a share: `10%`, or 0.1. A bare 10 could be either and is refused."""
    if value is None:
        return None
    number, percent, _rest = value.strip().partition("%")
    try:
        share = float(number) / (_PERCENT if percent else 1)
    except ValueError:
        share = -1.0
    if _rest or not 0 <= share <= 1:
        raise click.BadParameter("write a share like 10% or 0.1")
    return share


max_failed_option = click.option(
    "--max-failed",
    callback=to_share,
    metavar="N%",
    help="Stop the campaign if more recipients fail.  [10% with a canary]",
)


def describe_brake(brake: Brake | None) -> dict[str, Any] | None:
    """Make the JSON of a brake."""
    if brake is None:
        return None
    return {"state": brake.state, "why": brake.why, "since": brake.since.isoformat()}


def say_brake(campaign_id: str, brake: Brake | None) -> str:
    """Say what holds a campaign up and what to do about it; "" for nothing."""
    if brake is None:
        return ""
    told = f"{brake.state}: {brake.why}"
    if brake.state is BrakeState.CANARY:
        told = f"waits for its canary: {brake.why}"
    what_next = _NEXT[brake.state].format(id=campaign_id)
    return f"{told}; {what_next}" if what_next else told

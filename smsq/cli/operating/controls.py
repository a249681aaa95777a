"""`smsq pause`, `smsq resume`, `smsq rate`: the gate and the rate, for every worker at once.

In:  an operator's wish. Out: the limiter as it is now; or the campaign that was meant.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from smsq.cli.campaigns.brakes import describe_brake, max_failed_option, say_brake
from smsq.cli.looking.stats import describe_rate
from smsq.cli.looking.watch import say_gate
from smsq.cli.output import json_option, open_queue, print_json, put
from smsq.cli.params import to_unicode
from smsq.operate.controls import Controls
from smsq.settings import Settings
from smsq.status.status import Campaign

#: Goes back to SMSQ_RATE_PER_S.
DEFAULT = "default"


@click.command()
@click.argument("campaign", metavar="[ID]", required=False, callback=to_unicode)
@json_option
def pause(campaign: str | None, *, as_json: bool) -> None:
    """Pause all requests to the gateway, polls too; or, with ID, the sending of one campaign.

    New messages are still accepted and wait until `smsq resume`. A paused campaign is still polled,
    and requests that a worker has already started are finished.

    JSON: {"ceiling_per_s", "current_per_s", "closed_for_s"}; of a campaign {"id", "changed",
    "state", "brake": {"state", "why", "since"}}, brake null when nothing holds it up.
    """
    if campaign is None:
        _turn(lambda controls: controls.pause(), as_json=as_json)
        return
    with open_queue() as queue:
        is_changed = queue.pause(campaign)
        _tell(queue.campaign(campaign), is_changed=is_changed, as_json=as_json)


@click.command()
@click.argument("campaign", metavar="[ID]", required=False, callback=to_unicode)
@max_failed_option
@click.option("--anyway", is_flag=True, help="Do not wait for the canary's reports.")
@json_option
def resume(campaign: str | None, *, max_failed: float | None, anyway: bool, as_json: bool) -> None:
    """Resume all requests to the gateway; or, with ID, one campaign.

    After a 429 or a wrong token, one request is tried first. A campaign that stopped because too
    many recipients failed continues without that limit, unless --max-failed sets a new one. JSON as
    of `smsq pause`.
    """
    if campaign is None:
        if anyway or max_failed is not None:
            raise click.UsageError("--anyway and --max-failed are for a campaign: write its ID")
        _turn(lambda controls: controls.resume(), as_json=as_json)
        return
    with open_queue() as queue:
        is_changed = queue.resume(campaign, max_failed=max_failed, anyway=anyway)
        _tell(queue.campaign(campaign), is_changed=is_changed, as_json=as_json)


# A number below 0 is no option: it is refused as a number.
@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("per_s", metavar="N")
@json_option
def rate(per_s: str, *, as_json: bool) -> None:
    """Set how many requests per second N may go to the gateway at most.

    It applies to all workers at once, in place of SMSQ_RATE_PER_S. Write `default` as N to return
    to that setting. JSON as of `smsq pause`.
    """
    try:
        rate_per_s = None if per_s == DEFAULT else float(per_s)
    except ValueError:
        raise click.UsageError(f"N is {per_s[:10]}: write a number like 5, or {DEFAULT}") from None
    _turn(lambda controls: controls.set_rate(rate_per_s), as_json=as_json)


def _turn(turn: Callable[[Controls], None], *, as_json: bool) -> None:
    controls = Controls.build(Settings.from_env())
    try:
        turn(controls)
    finally:
        controls.close()
    with open_queue() as queue:
        now = queue.stats().rate
    if as_json:
        print_json(describe_rate(now))
    else:
        put(f"rate {now.current_per_s:.3g}/s of at most {now.ceiling_per_s:g}/s")
        put(say_gate(now) or "gate open")


def _tell(found: Campaign, *, is_changed: bool, as_json: bool) -> None:
    if as_json:
        brake = describe_brake(found.brake)
        told = {"id": found.id, "changed": is_changed, "state": found.state, "brake": brake}
        print_json(told)
        return
    as_before = "" if is_changed else "nothing changed; "
    put(f"{as_before}{say_brake(found.id, found.brake) or f'it is not held up: {found.state}'}")

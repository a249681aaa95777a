"""`smsq pause`, `smsq resume`, `smsq rate`: the gate and the rate, for every worker at once.

In:  an operator's wish. Out: the limiter as it is now.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from smsq.cli.output import json_option, open_queue, print_json
from smsq.cli.stats import describe_rate
from smsq.cli.watch import say_gate
from smsq.controls import Controls
from smsq.settings import Settings

#: Goes back to SMSQ_RATE_PER_S.
DEFAULT = "default"


@click.command()
@json_option
def pause(*, as_json: bool) -> None:
    """Stop every gateway request, polls too, until `smsq resume`.

    Jobs stay queued and new ones are taken. JSON: {"ceiling_per_s", "current_per_s",
    "closed_for_s"}.
    """
    _turn(lambda controls: controls.pause(), as_json=as_json)


@click.command()
@json_option
def resume(*, as_json: bool) -> None:
    """Open the gate, whatever closed it.

    After a 429 or a wrong token, one probe goes first. JSON as of `smsq pause`.
    """
    _turn(lambda controls: controls.resume(), as_json=as_json)


@click.command()
@click.argument("per_s", metavar="N")
@json_option
def rate(per_s: str, *, as_json: bool) -> None:
    """Set the ceiling of the rate to N gateway requests per second.

    It holds for all workers from the next slot on, in place of SMSQ_RATE_PER_S, until it is set
    anew; N `default` goes back to the setting. JSON as of `smsq pause`.
    """
    try:
        rate_per_s = None if per_s == DEFAULT else float(per_s)
    except ValueError:
        raise click.UsageError(f"N: write a number, or {DEFAULT}") from None
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
        click.echo(f"rate {now.current_per_s:.3g}/s of at most {now.ceiling_per_s:g}/s")
        click.echo(f"gate {say_gate(now) or 'open'}")

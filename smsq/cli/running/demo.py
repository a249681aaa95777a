"""`smsq demo`: the whole thing on this machine, in under a minute, with nothing to set up.

In:  nothing. Out: three sendings shown live until every recipient is final; exit code 0. With
`--json` all of that is on stderr, and stdout has what became of each sending.
"""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from smsq.cli.looking.status import count_final, describe, say_counts
from smsq.cli.output import Exit, json_option, make_console, print_json
from smsq.cli.running.children import Ended, ends_in_order
from smsq.cli.running.listening import make_login
from smsq.cli.running.processes import find_processes, require
from smsq.cli.running.stack import Stack, StackError
from smsq.models import RecipientState
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.status.status import Status

#: Longer than this and something is wrong.
DEADLINE_S = 90.0

#: A gateway that is quick, limited and not perfect.
_GATEWAY = ("--rate", "20", "--burst", "5", "--latency-ms", "80", "--magic")

_SETTINGS = {"SMSQ_RATE_PER_S": "20", "SMSQ_BURST": "5", "SMSQ_POLL_FIRST_S": "1"}

_SENDINGS = {
    "login code": 'send-quick "+375 29 123-45-67" "Your code is 4821" '
    "--priority urgent --expires-in-s 300",
    "reminder": 'send-quick "80 29 765 43 21" "See you at 10:00" '
    "--viber-name-id 9 --viber-after-min 15",
    "bills": "send-bulk examples/bills.csv --name Bills --text-column text",
}

#: What `ends_in_order` makes of it.
_CTRL_C = 128 + signal.SIGINT

_REFRESH_S = 0.25
_BAR_WIDTH = 24


@click.command()
@click.option("--keep", is_flag=True, help="Stay up afterwards, until Ctrl-C.")
@json_option
def demo(*, keep: bool, as_json: bool) -> None:
    """Show smsq at work: Redis, gateway simulator, worker, beat, web and Flower on this machine.

    JSON: {"ok", "sendings": {what: as of smsq status}}; ok when every recipient was final in time.
    """
    console = make_console(err=as_json)
    root = find_processes()
    with ends_in_order(), tempfile.TemporaryDirectory(prefix="smsq-demo-") as folder:
        # Others of this machine reach loopback, too.
        page = {"SMSQ_WEB_OPERATORS": make_login()}
        stack = Stack(root, Path(folder), _GATEWAY, _SETTINGS | page)
        require("requests", "uvicorn", "flower", *(() if stack.has_real_redis else ("fakeredis",)))
        redis = "redis-server" if stack.has_real_redis else "fakeredis (no redis-server on PATH)"
        console.print(f"starting {redis}, gateway simulator, worker, beat, web, Flower ...")
        with stack:
            _show_addresses(console, stack)
            statuses = _send_and_watch(console, stack, root)
            if keep:
                _stay(console, stack)
    is_done = all(status.is_final for status in statuses.values())
    if as_json:
        sendings = {what: describe(status) for what, status in statuses.items()}
        print_json({"ok": is_done, "sendings": sendings})
    if not is_done:
        click.echo(f"smsq: not every recipient was final after {DEADLINE_S:g} s", err=True)
        raise click.exceptions.Exit(Exit.FAILED)


def _show_addresses(console: Console, stack: Stack) -> None:
    name, _, password = stack.environ["FLOWER_BASIC_AUTH"].partition(":")
    console.print(f"  Flower   {stack.url('flower')}/tasks (log in as {name}, password {password})")
    name, _, password = stack.environ["SMSQ_WEB_OPERATORS"].partition(":")
    console.print(f"  page     {stack.url('admin')} (log in as {name}, password {password})")
    console.print(f"  metrics  {stack.url('admin')}/metrics")
    console.print(f"  gateway  {stack.url('simulator')}/book\n")


def _send_and_watch(console: Console, stack: Stack, root: Path) -> dict[str, Status]:
    ids = _enqueue(console, stack, root)
    queue = SmsQueue(settings=Settings.from_env(stack.environ))
    try:
        statuses = _watch(console, stack, queue, ids)
        _summarize(console, queue)
    finally:
        queue.close()
    return statuses


def _enqueue(console: Console, stack: Stack, root: Path) -> dict[str, str]:
    """Enqueue as a person would, by the command line; returns ids by what they are."""
    ids = {}
    for what, command in _SENDINGS.items():
        console.print(f"$ smsq {command}", style="bold")
        answer = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "smsq.cli", *shlex.split(command), "--json"],
            cwd=root,
            env=stack.environ,
            stdout=subprocess.PIPE,
            check=False,
        )
        console.print(answer.stdout.decode().strip(), style="dim")
        if answer.returncode:
            raise StackError(f"smsq {command} ended with {answer.returncode}")
        ids[what] = json.loads(answer.stdout)["id"]
    console.print()
    return ids


def _watch(
    console: Console, stack: Stack, queue: SmsQueue, ids: dict[str, str]
) -> dict[str, Status]:
    """Show the three of them until all are final, or the deadline passed."""
    until_s = time.monotonic() + DEADLINE_S
    with Live(console=console, refresh_per_second=4) as live:
        while True:
            stack.check()
            statuses = {what: queue.status(some_id) for what, some_id in ids.items()}
            live.update(_draw(statuses))
            is_done = all(status.is_final for status in statuses.values())
            if is_done or time.monotonic() > until_s:
                return statuses
            time.sleep(_REFRESH_S)


def _draw(statuses: dict[str, Status]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("sending", "state", "final", "", "recipients"):
        table.add_column(heading)
    for what, status in statuses.items():
        total = sum(status.counts.values())
        final = count_final(status.counts)
        filled = _BAR_WIDTH * final // max(total, 1)
        bar = Text.assemble(("━" * filled, "green"), ("━" * (_BAR_WIDTH - filled), "dim"))
        table.add_row(what, str(status.state), f"{final}/{total}", bar, say_counts(status.counts))
    return table


def _summarize(console: Console, queue: SmsQueue) -> None:
    stats = queue.stats()
    total = sum(stats.recipients.values())
    delivered = stats.recipients[RecipientState.DELIVERED]
    console.print(
        f"\n{delivered} of {total} recipients delivered; what became of every one is known."
    )


def say_exports(environ: Mapping[str, str]) -> Iterator[str]:
    """Say what makes another shell use the demo: where `smsq` is, and what it must know.

    The gateway's address is none of it: with it, `smsq doctor` would ask for the token as well.
    """
    yield f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    for name in ("SMSQ_REDIS_URL", "SMSQ_ALPHANAME_ID"):
        yield f"export {name}={environ[name]}"


def _stay(console: Console, stack: Stack) -> None:
    console.print("\nstaying up; Ctrl-C stops everything. In another terminal, try smsq yourself:")
    for line in say_exports(stack.environ):
        console.print(f"  {line}", soft_wrap=True)
    try:
        while True:
            stack.check()
            time.sleep(1)
    except Ended as ended:
        console.print("\nstopping ...")
        if ended.code != _CTRL_C:
            raise

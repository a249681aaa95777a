"""`smsq simulator`: a gateway to try things on, from the command line.

In:  options. Out: a server, on loopback unless told otherwise, until SIGTERM or Ctrl-C.
"""

from __future__ import annotations

import importlib
import json
import signal
from collections.abc import Sequence
from types import ModuleType

import click

from smsq.simulator.faults import MEANINGS, Fault
from smsq.simulator.options import WORLDS, Options, ReceiptShape, change


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Elsewhere /book wants the token."
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="0 for a free one.",
)
@click.option("--token", envvar="SMSQ_GATEWAY_TOKEN", required=True, help="The token it takes.")
@click.option("--rate", "rate_per_s", type=float, default=0, help="Requests/s; 0: no limit.")
@click.option("--burst", type=int, default=1, help="Requests that may come at once.")
@click.option("--retry-after-s", type=float, help="Sent with 429; none unless given.")
@click.option(
    "--world",
    type=click.Choice(list(WORLDS)),
    default="clean",
    help="rough: 0.3 s away, pages of 100 rows, gzip, windows-1251, 502 and 504 after accepting.",
)
@click.option("--most-page-rows", type=int, default=0, help="Of a page of reports; 0: no cap.")
@click.option("--charset", default="utf-8", help="Of JSON answers.")
@click.option("--packed", "is_packed", is_flag=True, help="JSON answers are packed by gzip.")
@click.option(
    "--busy-in-words",
    "says_busy_in_words",
    is_flag=True,
    help="Instead of 429, 200 with an error in words.",
)
@click.option(
    "--keep-alive-s", type=int, default=0, help="Idle connections are closed after it; said."
)
@click.option("--latency-ms", type=float, default=0, help="Before each answer.")
@click.option("--sent-after-s", type=float, default=0.5, help="From acceptance to sent.")
@click.option("--final-after-s", type=float, default=2.0, help="From acceptance to final.")
@click.option("--undelivered-share", type=float, default=0, help="0 to 1.")
@click.option(
    "--receipt-shape",
    type=click.Choice([str(s) for s in ReceiptShape]),
    default="json",
    help="How the body of a receipt is written.",
)
@click.option("--receipt-lost-share", type=float, default=0, help="0 to 1.")
@click.option("--receipt-after-s", type=float, default=0.2, help="From the answer to its receipt.")
@click.option("--receipt-repeat", type=int, default=1, help="Times each receipt is posted.")
@click.option("--odd-word-share", type=float, default=0, help="Of words not in the contract.")
@click.option("--shift-pages", is_flag=True, help="Rows move between the pages of a report.")
@click.option("--shuffle-pages", is_flag=True, help="Rows come in another order each time.")
@click.option("--alphaname", "alphanames", multiple=True, help="A sender that exists; else all.")
@click.option("--seed", type=int, default=0, help="Makes final states the same in every run.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=SHARE",
    help=f"For a share of all requests: {', '.join(Fault)}.",
)
@click.option("--magic", is_flag=True, help="A phone's last four digits bring about a fault.")
@click.option("--json", "as_json", is_flag=True, help="Say the address as JSON.")
def simulator(
    host: str, port: int, faults: Sequence[str], world: str, as_json: bool, **options: object
) -> None:
    """Run a simulated gateway for tests. /book shows what it has accepted.

    On another address than loopback's, /book takes `Authorization: Bearer TOKEN`.
    """
    server_module = _load_server()
    try:
        changes = {**WORLDS[world], **_keep_given(options)}
        if faults:
            changes["fault_shares"] = _read_faults(faults)
        server, bound = server_module.make_server(change(Options(), changes), host, port)
    except (ValueError, OSError) as mistake:
        raise click.UsageError(str(mistake)) from None
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{bound.getsockname()[1]}"
    if as_json:
        click.echo(json.dumps({"url": url}))
    else:
        click.echo(f"gateway simulator at {url}, its book at {url}/book")
        for line in _list_magic() if options["magic"] else ():
            click.echo(line)
    # uvicorn repeats the signal that ended it; to be told to go is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    server.run([bound])


def _list_magic() -> list[str]:
    return [
        "phones ending in",
        *(f"  {suffix}  {meaning}" for suffix, meaning in MEANINGS.items()),
    ]


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _keep_given(options: dict[str, object]) -> dict[str, object]:
    """Keep what was written on the command line or in the environment; a world is the rest."""
    source = click.get_current_context().get_parameter_source
    default = click.core.ParameterSource.DEFAULT
    return {name: value for name, value in options.items() if source(name) is not default}


def _read_faults(faults: Sequence[str]) -> dict[str, str]:
    shares: dict[str, str] = {}
    for fault in faults:
        name, _, share = fault.partition("=")
        if not share or name in shares:
            raise ValueError(f"--fault {fault}: write NAME=SHARE, as in busy=0.1, each name once")
        shares[name] = share
    return shares


def _load_server() -> ModuleType:
    try:
        return importlib.import_module("smsq.simulator.server")
    except ImportError:
        raise click.ClickException("the simulator needs more: pip install 'smsq[demo]'") from None

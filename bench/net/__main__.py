"""Cut links between hosts, under load: `python -m bench.net [link ...]`.

In:  names of links, all unless named. Out: one table: what was sent twice or lost, and how soon
everything was at work again; exit code 3 when a job was sent twice or lost, 1 when a row does not
hold for another reason.

The hosts are network namespaces: see bench/net/hosts.py. Linux alone has them, and lets root make
them, on some machines everybody.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.faults import MissingToolError
from bench.net.cuts import Plan, cut
from bench.net.links import FAULTS
from bench.net.namespaces import be_the_switch
from bench.run import find_exit_code, show
from smsq.cli.running.children import ends_in_order


def main(args: Sequence[str]) -> int:
    """Cut each link, and print the table; returns the exit code."""
    listed = ", ".join(f"{name} ({link.what})" for name, link in FAULTS.items())
    parser = argparse.ArgumentParser(prog="python -m bench.net", epilog=f"links: {listed}")
    parser.add_argument("link", nargs="*", metavar="link", help="all unless named")
    parser.add_argument("--times", type=int, default=2, help="that each is cut")
    parser.add_argument("--for-s", type=float, default=30.0, help="that it stays cut")
    parser.add_argument("--per-s", type=float, default=100.0, help="jobs")
    parser.add_argument("--logs", help="folder to keep the processes' logs in")
    read = parser.parse_args(args)
    if unknown := [name for name in read.link if name not in FAULTS]:
        parser.error(f"no link is called {unknown[0]!r}; {listed}")
    try:
        be_the_switch("bench.net", args)
    except MissingToolError as missing:
        print(f"hosts of our own: SKIPPED, {missing}")
        return 0
    plan = Plan(times=read.times, for_s=read.for_s, per_s=read.per_s, logs=read.logs)
    rows = []
    with ends_in_order():
        for name in read.link or FAULTS:
            rows.append(cut(name, plan))
            told = "holds" if rows[-1].holds else "DOES NOT HOLD"
            print(f"{name}: {told}; {rows[-1].tally}; {rows[-1].remark}", flush=True)
    return find_exit_code((row.tally for row in rows), holds=show(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The command: `python -m bench.peers [--delays-ms 0 20] [--rounds 5] [--seconds 6]
[--save | --compare]`.

In:  options. Out: tables; exit code 1 when a row does not hold, 2 when an option is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from importlib.util import find_spec

from rich.console import Console
from rich.table import Table

from bench.harness import show
from bench.peers.chart import draw
from bench.peers.comparison import OURS, Rounds, make_lines, make_rows, name_ratios, to_json
from bench.peers.contenders import CONTENDERS, run
from bench.peers.meter import Figures
from bench.record import FOLDER, NoRecordError, Spread, find_falls, load_1min, load_ratios, save
from smsq.cli.running.children import ends_in_order

DELAYS_MS = (0, 20, 100, 300)


def measure(delays_ms: Iterable[int], *, rounds: int, seconds: float) -> Rounds:
    """Run all sides in turns; each round begins with another."""
    figures: dict[int, dict[str, list[Figures]]] = {
        delay_ms: defaultdict(list) for delay_ms in delays_ms
    }
    for number in range(rounds):
        for delay_ms, sides in figures.items():
            first = number % len(CONTENDERS)
            for contender in CONTENDERS[first:] + CONTENDERS[:first]:
                one = run(contender, delay_ms=delay_ms, seconds=seconds)
                sides[contender.name].append(one)
                print(f"round {number + 1}, {delay_ms} ms, {contender.name}: {one}", flush=True)
    return {
        delay_ms: {one.name: sides[one.name] for one in CONTENDERS}
        for delay_ms, sides in figures.items()
    }


def print_figures(rounds: Rounds) -> None:
    """Print medians with the least and the most of all rounds."""
    table = Table("answers in", "side", "messages/s", "worker CPU-s per 1,000", "Redis CPU-s")
    for line in make_lines(rounds):
        table.add_row(*line)
    Console(width=120).print(table)


def keep(rounds: Rounds, *, command: str, load_before: float) -> None:
    """Write the record and the chart of it."""
    path = save(
        "peers",
        command=command,
        load_before=load_before,
        ratios=name_ratios(rounds),
        figures=to_json(rounds),
    )
    medians = {
        f"answers in {delay_ms} ms": {
            side: Spread.of([one.per_s for one in runs]).median for side, runs in sides.items()
        }
        for delay_ms, sides in rounds.items()
    }
    chart = FOLDER / "peers.svg"
    chart.write_text(draw("Quick messages a second, medians", medians), encoding="utf-8")
    print(f"wrote {path} and {chart}")


def main() -> int:
    """Measure, print, and write down if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=f"{OURS}, plain Celery and taskiq on one gateway in turns. All of it takes"
        " about 20 minutes; nothing else may run meanwhile.",
    )
    parser.add_argument("--delays-ms", type=int, nargs="+", default=DELAYS_MS, metavar="MS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run's steady part")
    parser.add_argument("--save", action="store_true", help="write docs/performance/peers.*")
    parser.add_argument(
        "--compare",
        action="store_true",
        help="fail only where a ratio fell a quarter below its record",
    )
    given = parser.parse_args()
    try:
        recorded = load_ratios("peers") if given.compare else {}
    except NoRecordError as error:
        parser.error(str(error))
    if find_spec("taskiq") is None:
        parser.error("taskiq is not installed: run `make .venv/.bench`")
    load_before = load_1min()
    with ends_in_order():
        rounds = measure(given.delays_ms, rounds=given.rounds, seconds=given.seconds)
    print_figures(rounds)
    if given.save:
        command = " ".join(["python -m bench.peers", *sys.argv[1:]])
        keep(rounds, command=command, load_before=load_before)
    is_as_it_must = show("smsq beside its peers", make_rows(rounds))
    if given.compare:
        falls = find_falls(name_ratios(rounds), recorded)
        print(*(f"fell: {fall}" for fall in falls), sep="\n", file=sys.stderr)
        return 1 if falls else 0
    return 0 if is_as_it_must else 1


if __name__ == "__main__":
    sys.exit(main())

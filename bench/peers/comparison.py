"""Compares the sides of one measurement: tables, ratios, what must hold. Pure.

In:  figures of every round. Out: ratios by name, rows of a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.harness import Row
from bench.peers.meter import Figures
from bench.record import Spread, ratio_by_round

#: Answer time in ms → side → a run of each round.
Rounds = Mapping[int, Mapping[str, Sequence[Figures]]]

OURS = "smsq"

#: At least so many times a peer's messages a second, by answer time in ms.
MUST_TIMES: Mapping[str, Mapping[int, float]] = {
    "taskiq": {0: 0.9, 20: 1.0, 100: 1.0, 300: 1.0},
    "plain Celery": {20: 6.0, 100: 20.0, 300: 20.0},
}

#: CPU seconds for 1,000 messages, at most, at 20 ms.
MUST_WORKERS_CPU_S, MUST_REDIS_CPU_S, MUST_CPU_AT_MS = 0.45, 0.2, 20


def list_ratios(rounds: Rounds) -> Iterator[tuple[str, int, str, Spread]]:
    """Yield peer, answer time, what is compared, and how many times better ours is."""
    for delay_ms, sides in rounds.items():
        ours = sides[OURS]
        for peer, runs in sides.items():
            if peer == OURS:
                continue
            speed = ratio_by_round([one.per_s for one in ours], [one.per_s for one in runs])
            yield peer, delay_ms, "messages/s", speed
            cost = ratio_by_round(
                [one.workers_cpu_s for one in runs], [one.workers_cpu_s for one in ours]
            )
            yield peer, delay_ms, "worker CPU", cost


def name_ratios(rounds: Rounds) -> dict[str, float]:
    """The medians by name, as they are recorded."""
    return {
        f"{delay_ms} ms, {what}, against {peer}": spread.median
        for peer, delay_ms, what, spread in list_ratios(rounds)
    }


def make_rows(rounds: Rounds) -> list[Row]:
    """Say of each comparison whether it is what it must be."""
    rows = []
    for peer, delay_ms, what, spread in list_ratios(rounds):
        must = MUST_TIMES.get(peer, {}).get(delay_ms) if what == "messages/s" else None
        rows.append(
            Row(
                f"{delay_ms} ms: {what} against {peer}",
                2,
                f"{spread:.2f} x",
                "" if must is None else f"≥ {must:g} x",
                must is None or spread.median >= must,
            )
        )
    if sides := rounds.get(MUST_CPU_AT_MS):
        rows += _rows_of_cost(sides[OURS])
    return rows


def _rows_of_cost(runs: Sequence[Figures]) -> list[Row]:
    costs = {
        "workers": (Spread.of([one.workers_cpu_s for one in runs]), MUST_WORKERS_CPU_S),
        "Redis": (Spread.of([one.redis_cpu_s for one in runs]), MUST_REDIS_CPU_S),
    }
    return [
        Row(
            f"{MUST_CPU_AT_MS} ms: CPU-s of {what} for 1,000 messages",
            2,
            f"{spread:.2f}",
            f"≤ {most:g}",
            spread.median <= most,
        )
        for what, (spread, most) in costs.items()
    ]


def make_lines(rounds: Rounds) -> list[tuple[str, ...]]:
    """The figures themselves: a line for each side and answer time."""
    return [
        (
            f"{delay_ms} ms",
            side,
            f"{Spread.of([one.per_s for one in runs]):,.0f}",
            f"{Spread.of([one.workers_cpu_s for one in runs]):.2f}",
            f"{Spread.of([one.redis_cpu_s for one in runs]):.2f}",
        )
        for delay_ms, sides in rounds.items()
        for side, runs in sides.items()
    ]


def to_json(rounds: Rounds) -> dict[str, Any]:
    """Write all rounds down."""
    return {
        f"{delay_ms} ms": {
            side: [{name: round(value, 3) for name, value in asdict(one).items()} for one in runs]
            for side, runs in sides.items()
        }
        for delay_ms, sides in rounds.items()
    }

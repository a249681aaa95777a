"""Charts: where bars and lines are drawn. Pure.

In:  numbers at even intervals. Out: shapes in a box of `WIDTH` by `HEIGHT`, for templates of SVG.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The box, in units of its own; the page scales it.
WIDTH, HEIGHT = 720.0, 160.0

#: Numbers are rounded up to one of these, times a power of ten, for the top of a scale.
_ROUND = (1, 2, 2.5, 5, 10)

_GAP_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Bar:
    """One piece of a stacked bar.

    Attributes:
        name: Of its series.
    """

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """One series; several pieces where values are missing.

    Attributes:
        pieces: Points of each, as SVG's `polyline` takes them.
    """

    name: str
    pieces: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Attributes:
        top: The number at the upper edge.
        bars: Of a chart of amounts.
        lines: Of a chart of values.
    """

    top: float
    bars: Sequence[Bar] = ()
    lines: Sequence[Line] = ()


def round_up(number: float) -> float:
    """Round up to a number that is easy to read; 1 for nothing."""
    if number <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(number))
    return next(step * size for step in _ROUND if step * size >= number * (1 - 1e-9))


def stack(series: Mapping[str, Sequence[float]]) -> Chart:
    """Stack amounts: series → one number for each interval, from the first up."""
    count = max((len(numbers) for numbers in series.values()), default=0)
    sums = [sum(numbers[i] for numbers in series.values()) for i in range(count)]
    top = round_up(max(sums, default=0))
    step = WIDTH / max(1, count)
    bars = []
    for i in range(count):
        y = HEIGHT
        for name, numbers in series.items():
            height = numbers[i] / top * HEIGHT
            if height <= 0:
                continue
            y -= height
            gap = step * _GAP_SHARE / 2
            bars.append(Bar(name, *_rounded(i * step + gap, y, step - 2 * gap, height)))
    return Chart(top, bars=bars)


def draw_lines(series: Mapping[str, Sequence[float | None]]) -> Chart:
    """Draw values: series → a number for each interval, None where there is none."""
    known = [n for numbers in series.values() for n in numbers if n is not None]
    top = round_up(max(known, default=0))
    lines = []
    for name, numbers in series.items():
        step = WIDTH / max(1, len(numbers))
        pieces: list[list[str]] = [[]]
        for i, n in enumerate(numbers):
            if n is None:
                pieces.append([])
                continue
            x, y = _rounded((i + 0.5) * step, HEIGHT - n / top * HEIGHT)
            pieces[-1].append(f"{x:g},{y:g}")
        # A point alone is drawn as a short line.
        lines.append(Line(name, [" ".join(p if len(p) > 1 else p * 2) for p in pieces if p]))
    return Chart(top, lines=lines)


def _rounded(*numbers: float) -> tuple[float, ...]:
    return tuple(round(n, 1) for n in numbers)

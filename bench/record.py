"""What a measurement leaves for the next one: a file of figures and ratios in docs/performance/.

In:  ratios by name, each better the higher it is. Out: the file; and which of them have fallen.

A time says nothing on another machine, or on the same one an hour later. A ratio of two sides that
were measured in turns does.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Self

FOLDER = Path(__file__).parents[1] / "docs" / "performance"

#: A ratio may fall by a quarter before it counts as worse: two cores are noisy.
KEEPS = 0.75

#: More processes than processors want to run: others are at work, too.
BUSY_LOAD = 1.0


class NoRecordError(LookupError):
    """There is nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Sum up; `values` are not empty."""
        return cls(median(values), min(values), max(values))

    def __format__(self, spec: str) -> str:
        ends = f" ({self.least:{spec}} to {self.most:{spec}})" if self.least < self.most else ""
        return f"{self.median:{spec}}{ends}"


def ratio_by_round(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Divide round by round: what disturbs a round disturbs both sides of it."""
    return Spread.of([above / below for above, below in zip(over, under, strict=True)])


def find_falls(now: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """Say in a sentence each which ratios have fallen by more than a quarter. Pure.

    A ratio that only one of them has is no fall: a short run measures less than a long one.
    """
    return [
        f"{name}: {now[name]:.2f}, recorded {was:.2f}, at least {was * KEEPS:.2f}"
        for name, was in recorded.items()
        if name in now and now[name] < was * KEEPS
    ]


def save(
    name: str, *, command: str, load_before: float, ratios: Mapping[str, float], figures: Any
) -> Path:
    """Write docs/performance/<name>.json.

    Args:
        load_before: Processes that wanted to run before the measurement began.
        figures: What the ratios were made of.
    """
    record = {
        "command": command,
        "measured_at": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": describe_machine(),
        "load_before": round(load_before, 2),
        "is_busy": load_before > BUSY_LOAD,
        "ratios": {key: round(value, 3) for key, value in ratios.items()},
        "figures": figures,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def load_ratios(name: str) -> dict[str, float]:
    """Read the ratios of the last long measurement.

    Raises:
        NoRecordError: It was never made.
    """
    try:
        record = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoRecordError(
            f"docs/performance/{name}.json is missing: run `python -m bench.{name}` first"
        ) from None
    return {key: float(value) for key, value in record["ratios"].items()}


def load_1min() -> float:
    """Processes that want to run, on the average of the last minute."""
    return os.getloadavg()[0]


def describe_machine() -> dict[str, str | int]:
    """Tell what figures depend on."""
    return {
        "processors": os.cpu_count() or 0,
        "python": platform.python_version(),
        "redis": _redis_version(),
    }


def _redis_version() -> str:
    server = shutil.which("redis-server")
    if not server:
        return ""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=False).stdout
    return next((word[2:] for word in said.split() if word.startswith("v=")), "")

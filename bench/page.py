"""100 people with the operators' page open, and what that costs: `python -m bench.page`.

In:  `--people`, `--for-s`. Out: one table: the processor that `smsq web` takes, and Redis' commands
beside those without anybody. Each person's browser asks again as worker/page/static/page.js does.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import statistics
import time

import httpx
import psutil

from bench.harness import Bed, Row, bed, show
from worker.page.pages import PAGES

PEOPLE, FOR_S = 100, 60.0

#: What must hold.
MOST_OF_A_CORE, MOST_COMMANDS_PER_S = 0.05, 50.0

_NAME, _PASSWORD = "anna", "correct horse battery"
_AGAIN_S = next(view.again_s for page in PAGES for view in page.views if view.path == "/")


async def look(client: httpx.AsyncClient, until_s: float, took_s: list[float]) -> None:
    """Have one page open until then."""
    await asyncio.sleep(random.uniform(0, _AGAIN_S))
    while time.monotonic() < until_s:
        began_s = time.monotonic()
        answer = await client.get("/")
        assert answer.status_code == 200, answer.status_code
        took_s.append(time.monotonic() - began_s)
        await asyncio.sleep(_AGAIN_S * random.uniform(0.9, 1.1))


async def look_together(url: str, people: int, for_s: float) -> list[float]:
    """Have it open on many screens, each with the same login: a cookie is a cookie."""
    took_s: list[float] = []
    limits = httpx.Limits(max_connections=people, max_keepalive_connections=people)
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as client:
        fields = {"name": _NAME, "password": _PASSWORD}
        answer = await client.post("/login", data=fields)
        assert answer.status_code == 303, answer.text
        page = (await client.get("/")).text
        assert re.search(f"{_NAME} <small>operator", page)
        until_s = time.monotonic() + for_s
        await asyncio.gather(*(look(client, until_s, took_s) for _ in range(people)))
    return took_s


def measure(made: Bed, people: int, for_s: float) -> list[Row]:
    """Count commands without and with the people."""
    made.fill(200)
    before = made.count_commands()
    time.sleep(for_s)
    alone_per_s = (made.count_commands() - before) / for_s
    web = psutil.Process(made.stack.processes["web"].pid)
    used = web.cpu_times()
    before, began_s = made.count_commands(), time.monotonic()
    took_s = asyncio.run(look_together(made.stack.url("admin"), people, for_s))
    passed_s = time.monotonic() - began_s
    now = web.cpu_times()
    core = (now.user + now.system - used.user - used.system) / passed_s
    per_s = (made.count_commands() - before) / passed_s
    more_per_s = max(0.0, per_s - alone_per_s)
    middle_ms = 1000 * statistics.median(took_s)
    return [
        Row(
            f"{people} people look at Now: processor of web",
            0,
            f"{core:.1%} of a core, {len(took_s) / passed_s:.1f} pages/s, {middle_ms:.0f} ms each",
            f"at most {MOST_OF_A_CORE:.0%}",
            core <= MOST_OF_A_CORE,
        ),
        Row(
            f"{people} people look at Now: Redis",
            0,
            f"{more_per_s:.1f} commands/s beside {alone_per_s:.1f} without them",
            f"at most {MOST_COMMANDS_PER_S:g}",
            more_per_s <= MOST_COMMANDS_PER_S,
        ),
    ]


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--for-s", type=float, default=FOR_S)
    given = parser.parse_args()
    # Nothing moves meanwhile: what is counted is the page's.
    with bed(
        (), workers=0, SMSQ_WEB_OPERATORS=f"{_NAME}:{_PASSWORD}", SMSQ_RATE_PER_S="0.001"
    ) as made:
        rows = measure(made, given.people, given.for_s)
    show("the operators' page", rows)
    raise SystemExit(not all(row.holds for row in rows))


if __name__ == "__main__":
    main()

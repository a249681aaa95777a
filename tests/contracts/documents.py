"""The JSON documents of every command, by what they hold: a walk through the command line.

In:  a way to run `smsq`, a ledger whose clock can be moved. Out: command → shape of its document.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from smsq.cli import main
from smsq.domain.outcomes import Verdict
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, Webhooks
from smsq.measures.keys import MeasureKeys
from smsq.models import JobState, Kind, ReportRow
from smsq.names import Start
from tests.smsq.world import ACCEPTED, PLAN, World
from tests.support import free_port

#: A shape: the name of a type, alternatives as `integer|null`, or a container of shapes.
Shape = Any

_TYPES = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string"}

_DEAD = Verdict(state=JobState.DEAD, error="gave up: 500", error_class="temporary")
_UNKNOWN = Verdict(state=JobState.UNKNOWN, error="no answer", error_class="unknown")


def shape_of(document: object) -> Shape:
    """Name what a document holds, without its values."""
    if isinstance(document, Mapping):
        return {name: shape_of(value) for name, value in document.items()}
    if isinstance(document, list):
        merged: Shape = None
        for row in document:
            merged = shape_of(row) if merged is None else merge(merged, shape_of(row))
        return [] if merged is None else [merged]
    return _TYPES[type(document)]


def merge(one: Shape, other: Shape) -> Shape:
    """Make the shape of what is either of two."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = one.keys() | other.keys()
        return {name: merge(one.get(name, other.get(name)), other.get(name, one.get(name)))
                for name in names}  # fmt: skip
    if isinstance(one, list) and isinstance(other, list):
        return [merge(one[0], other[0])] if one and other else one or other
    if isinstance(one, str) and isinstance(other, str):
        return "|".join(sorted({*one.split("|"), *other.split("|")}))
    return one if one == other else {"either": [one, other]}


class Documents:
    """Runs commands with `--json` and keeps the shapes of what they print.

    Attributes:
        shapes: By the command and what was special about it.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.shapes: dict[str, Shape] = {}

    def run(
        self, name: str, *args: str, exit_code: int = 0, typed: str = "", **environ: str
    ) -> Any:
        """Run a command; `name` is its place in the result."""
        env = {**self._environ, **environ}
        ran = CliRunner().invoke(main, [*args, "--json"], env=env, input=typed)
        assert ran.exit_code == exit_code, (args, ran.output, ran.exception)
        document = json.loads(ran.stdout)
        shape = shape_of(document)
        if name.startswith("error: "):
            shape["error"]["type"] = f"the word {document['error']['type']}"
        self.shapes[name] = merge(self.shapes.get(name, shape), shape)
        return document


def collect_documents(environ: Mapping[str, str], world: World, folder: Path) -> dict[str, Shape]:
    """Walk through all commands whose documents others read."""
    documents = Documents(environ)
    _stuck_jobs(documents, world)
    _one_job(documents, world)
    _campaign(documents, world, folder)
    _operate(documents, world)
    _phones(documents, folder)
    _errors(documents)
    return documents.shapes


def _settled(world: World, verdict: Verdict, kind: Kind = Kind.QUICK) -> str:
    job = world.enqueue(kind=kind)
    world.claims.settle(world.claim(job), verdict, PLAN)
    return job


def _stuck_jobs(documents: Documents, world: World) -> None:
    run = documents.run
    first, second = _settled(world, _UNKNOWN), _settled(world, _UNKNOWN)
    third, fourth = _settled(world, _DEAD), _settled(world, _DEAD)
    run("unknown list", "unknown", "list")
    run("unknown settle-all", "unknown", "settle-all", "accepted", "--all", "--dry-run")
    run("unknown settle", "unknown", "settle", first, "accepted")
    run("unknown resend", "unknown", "resend", second)
    run("dead list", "dead", "list")
    run("dead show", "dead", "show", third)
    run("dead retry", "dead", "retry", third, "jnope", exit_code=5)
    run("cancel", "cancel", second)
    run("cancel", "cancel", third)
    run("cancel", "cancel", fourth)
    job = _settled(world, Verdict(state=JobState.ACCEPTED), Kind.BULK)
    run("unmatched", "unmatched", "--min-age-s", "0")
    run("attach", "attach", job, "Sale", "501")
    run("audit", "audit")
    run("audit", "audit", "--verify")


def _one_job(documents: Documents, world: World) -> None:
    run = documents.run
    job = _settled(world, ACCEPTED)
    run("why", "why", job)
    run("status", "status", job)
    world.pass_s(5)
    world.polls.find_due(limit=100)
    while poll := world.find_and_claim_poll():
        row = ReportRow("375291234567", "delivered", "2023-11-15 01:13:25")
        world.polls.apply_page(poll, [row], next_offset=0, next_in_s=5)
    run("why", "why", job)
    run("status --recipients", "status", job, "--recipients")
    run("watch", "watch", job)
    run("send-quick", "send-quick", "375291234567", "code", "--key", "a", "--reference", "order-1")
    run("find", "find", "order-1", "375291234567", "--since", "2020-01-01")
    run("jobs", "jobs", "--state", "queued", "--limit", "2")
    later = run("send-quick", "send-quick", "375291234567", "code",
                "--send-at", "2030-01-01T10:00")  # fmt: skip
    run("status --recipients", "status", later["id"], "--recipients")
    run("reschedule", "reschedule", later["id"], "2030-01-02T10:00")
    run("parts", "parts", "Hello")
    run("secret", "secret")
    run("web-user", "web-user", "anna", typed="correct horse battery\n")
    run("export", "export", "--since", "2020-01-01")
    run("export --recipients", "export", "--since", "2020-01-01", "--recipients")


def _campaign(documents: Documents, world: World, folder: Path) -> None:
    run = documents.run
    file, out = folder / "phones.csv", folder / "out.csv"
    file.write_text("phone,text\n375291234567,a\n375291234568,b\nnobody,c\n")
    send = ("send-bulk", str(file), "--name", "Sale", "--key", "sale")
    run("send-bulk --dry-run", *send, "--dry-run", exit_code=5)
    run("send-bulk --dry-run", *send, "--dry-run", exit_code=5, SMSQ_PRICE_PER_PART="0.02")
    campaign = run("send-bulk", *send, exit_code=5)["id"]
    bill = folder / "bill.csv"
    bill.write_text("phone\n375291230000\n")
    run("reconcile", "reconcile", str(bill), "--since", "2020-01-01", exit_code=5)
    run("campaigns", "campaigns")
    run("pause ID", "pause", campaign)
    run("status of a campaign", "status", campaign)
    run("campaigns", "campaigns")
    run("resume ID", "resume", campaign)
    run("cancel", "cancel", campaign)
    run("status of a campaign", "status", campaign)
    run("failed", "failed", campaign, str(out), "--cancelled")
    run("why of a campaign", "why", campaign)
    run("watch of a campaign", "watch", campaign)


def _operate(documents: Documents, world: World) -> None:
    run = documents.run
    run("stats", "stats")
    minute = int(time.time() // 60)
    measured = {"q|q|accepted|5": 2, "e|urgent|5": 2, "d|urgent|9": 2, "f|123|d": 2, "k|375|d": 2,
                "c|learnt": 1, "p|urgent": 2, "m|urgent": 70_000}  # fmt: skip
    keys = MeasureKeys(world.keys.namespace)
    for at in (minute - 1, minute - 65):
        world.redis.hset(keys.minute(at), mapping=measured)  # type: ignore[arg-type]
        world.redis.zadd(keys.minutes, {str(at): at})
    run("history", "history")
    run("pause", "pause")
    run("resume", "resume")
    run("rate", "rate", "5")
    run("doctor", "doctor", exit_code=1)
    hooks = Webhooks(world.scripts, start=Start.OLDEST)
    for _ in range(2):
        world.enqueue()
        world.pass_s(10)
        hooks.collect()
        delivery = hooks.claim(lease_s=30)
        assert delivery
        world.pass_s(GIVE_UP_MS / 1000 + 1)
        hooks.settle(delivery, Posted(Answer.FAILED, "status 500"))
    run("webhook list", "webhook", "list")
    run("webhook replay", "webhook", "replay", "--all")
    run("webhook resume", "webhook", "resume")


def _phones(documents: Documents, folder: Path) -> None:
    run = documents.run
    file = folder / "optout.txt"
    file.write_text("375291234567\n375291234568\n")
    run("optout add", "optout", "add", "375291234567")
    run("optout import", "optout", "import", str(file))
    run("optout list", "optout", "list")
    run("optout remove", "optout", "remove", "375291234567")
    run("send-quick", "send-quick", "375291239999", "code")
    run("person show", "person", "show", "375291239999")
    run("person forget", "person", "forget", "375291239999")


def _errors(documents: Documents) -> None:
    run = documents.run
    run("error: bad input", "send-quick", "nobody", "code", exit_code=2)
    run("error: key conflict", "send-quick", "375291234567", "other", "--key", "a", exit_code=2)
    run("error: usage", "send-quick", exit_code=2)
    run("error: settings", "stats", exit_code=2, SMSQ_RATE_PER_S="fast")
    run("error: not found", "status", "jnope", exit_code=4)
    away = f"redis://127.0.0.1:{free_port()}/0"
    run("error: queue unavailable", "stats", exit_code=3, SMSQ_REDIS_URL=away)

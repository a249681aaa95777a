"""`smsq up`: all processes of a small server, started, watched and stopped together.

In:  how many workers. Out: running processes; what dies is started again; all end with this one.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import click

from smsq.cli.running.children import Ended, die_with_parent, end_together, ends_in_order
from smsq.cli.running.listening import make_login
from smsq.cli.running.processes import begin_log, require
from smsq.settings import Settings

#: Pause before a process that died is started again: doubled each time, up to the longest.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0

#: Who has run for so long begins with the first pause again.
CALM_S = 60.0

#: Beat and Flower go first and quickly; then workers finish the requests in hand.
FIRST_STOP_S, STOP_S = 3.0, 16.0

_LOOK_S = 0.2

#: What a child's line begins with where SMSQ_LOG=json.
_OBJECT = '{"ts": '
_BAD_SETTINGS = 2


@dataclass(slots=True)
class Child:
    """One process that is kept running.

    Attributes:
        name: Stands before its lines.
        command: Its arguments to `smsq`.
        environ: Its environment.
        failures: Ends in a row, none of them after a calm time.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    failures: int = 0
    process: subprocess.Popen[str] | None = None
    started_at_s: float = 0.0
    due_at_s: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Start it; a thread passes its lines on."""
        self.started_at_s = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-P", "-m", "smsq.cli", *self.command],
            env={**self.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A Ctrl-C is for us alone: we stop the others in their order.
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
        threading.Thread(target=self._pass_on, args=(self.process,), daemon=True).start()

    def look(self, now_s: float) -> int | None:
        """Start it when it is due; returns the exit code of one that has just ended."""
        if self.process is None:
            if now_s >= self.due_at_s:
                self.start()
            return None
        code = self.process.poll()
        if code is None:
            return None
        self.process = None
        self.failures = 1 if now_s - self.started_at_s > CALM_S else self.failures + 1
        self.due_at_s = now_s + pause_s(self.failures)
        return code

    def _pass_on(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            # A line of JSON says itself whose it is.
            head = "" if line.startswith(_OBJECT) else f"{self.name:9}| "
            say(f"{head}{line.rstrip()}")


def pause_s(failures: int) -> float:
    """Choose the pause before the next start after so many ends in a row, 1 or more."""
    return min(FIRST_PAUSE_S * 2.0 ** min(failures - 1, 16), LONGEST_PAUSE_S)


def say(line: str) -> None:
    """Write one line; a terminal that is gone must not end us before our children."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        pass


def plan(workers: int, environ: Mapping[str, str]) -> Sequence[Child]:
    """Name the processes, in the order in which they are started."""
    web_port = environ.get("PORT", "8080")
    ports = {"web": web_port, "flower": environ.get("FLOWER_PORT", "5555")}
    children = [
        Child(name, [name], {**environ, "PORT": ports.get(name, web_port)})
        for name in ("web", "beat", "flower")
    ]
    for n in range(1, workers + 1):
        name = f"worker{n}"
        children.append(Child(name, ["worker", "--hostname", f"{name}@%h"], environ))
    return children


def find_login(environ: Mapping[str, str]) -> str:
    """Say who may open Flower; where nobody is named, make a password for this run."""
    if environ.get("FLOWER_BASIC_AUTH"):
        return environ["FLOWER_BASIC_AUTH"]
    login = make_login()
    # Logs are kept, and others read them: there it stays unknown.
    what = login if sys.stderr.isatty() else "a new password each time, not shown in logs"
    say(f"smsq: Flower asks for {what}: to choose it, set FLOWER_BASIC_AUTH=user:password")
    return login


def keep_up(children: Sequence[Child], *, goes_on: Callable[[], bool] = lambda: True) -> None:
    """Start what is down, until the process is asked to end.

    Raises:
        Ended: A process refused its settings: it would again.
    """
    while goes_on():
        for child in children:
            code = child.look(time.monotonic())
            if code is None:
                continue
            if code == _BAD_SETTINGS:
                raise Ended(code)
            pause = pause_s(child.failures)
            say(f"smsq: {child.name} ended with {code}; it is started again in {pause:g} s")
        time.sleep(_LOOK_S)


def stop(children: Sequence[Child]) -> None:
    """Stop all: beat and Flower, then workers and web; who does not go in time is killed."""
    last = [child for child in children if child.name.startswith(("worker", "web"))]
    first = [child for child in children if child not in last]
    for group, within_s in ((first, FIRST_STOP_S), (last, STOP_S)):
        end_together([child.process for child in group if child.process], within_s)


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many workers to run.",
)
def up(workers: int) -> None:
    """Run all processes of a small server: web, beat, Flower and workers.

    A process that dies is started again, after a pause that grows. SIGTERM or Ctrl-C stops all of
    them; workers finish the requests they have started. Web listens on $PORT (8080), Flower on
    $FLOWER_PORT (5555), both on 127.0.0.1 unless $HOST is set, and web for operators on
    $SMSQ_ADMIN_LISTEN (127.0.0.1:8081). Flower asks for FLOWER_BASIC_AUTH=user:password; where that
    is not set, for a password that is shown on the terminal.
    """
    require("requests", "uvicorn", "jinja2", "flower")
    begin_log("up")
    # Every mistake is told once, before anything starts.
    Settings.from_env(needs_gateway=True, needs_webhook=True, needs_page=True)
    children = plan(workers, {**os.environ, "FLOWER_BASIC_AUTH": find_login(os.environ)})
    with ends_in_order():
        try:
            keep_up(children)
        except Ended as ended:
            say("smsq: stopping ...")
            stop(children)
            raise click.exceptions.Exit(int(ended.code == _BAD_SETTINGS) * _BAD_SETTINGS) from None

"""`smsq worker`, `beat`, `web`, `flower`, `alive`: one process each, from a checkout or the wheel.

In:  arguments that go on to Celery or Flower. Out: that process, in this one.

The processes are the packages `worker`, `tasks` and `config`. They are no part of what a web app
imports: the wheel carries them as data below `smsq/`, and a process puts their folder first on its
own path, so that a web app's modules of the same names neither disturb nor are disturbed.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import click

import smsq
from smsq.cli.running.listening import read_address
from smsq.environment.least.needs import Process, keep_own

#: What the processes are made of.
PACKAGES = ("config", "tasks", "worker")

#: Where the wheel has them; a checkout has them beside `smsq/`.
_IN_WHEEL = "_processes"

#: Exit code for wrong settings.
_BAD_SETTINGS = 2

#: A worker's events for Flower say so seldom that it lives; each two seconds, as Celery does, is a
#: good part of what an idle worker asks of Redis.
_SELDOM = "--heartbeat-interval=10"

#: Leaves Celery's banner out: it is no log line, and names exchanges and a log level not in use.
_QUIET = "--quiet"

_PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def find_processes() -> Path:
    """Find the folder that holds `worker`, `tasks` and `config`."""
    library = Path(smsq.__file__).parent
    inside = library / _IN_WHEEL
    return inside if inside.is_dir() else library.parent


def import_process(name: str) -> ModuleType:
    """Import a module of the processes, ours even where the current folder has one of its name.

    Celery puts the current folder first on the path while it imports, unless it is there already:
    so it is put last.
    """
    # Celery reads options from variables, before it knows our app. They are another's.
    for variable in [each for each in os.environ if each.startswith("CELERY_")]:
        del os.environ[variable]
    root = str(find_processes())
    sys.path[:] = [root, *(entry for entry in sys.path if entry not in {root, "", os.getcwd()})]
    sys.path.append(os.getcwd())
    return importlib.import_module(name)


def know_only_own(process: Process) -> None:
    """Become a process without the secrets of others, where the environment has any.

    A variable that is deleted can still be read in /proc: only a new program begins without it.
    """
    kept = keep_own(process, os.environ)
    if len(kept) < len(os.environ):
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], kept)  # noqa: S606 - ourselves


def begin_log(process: str) -> ModuleType:
    """Have all that this process says be what SMSQ_LOG asks for, its mistakes, too.

    Returns the module that knows which form that is.
    """
    log = import_process("config.log_setup")
    log.begin(process)
    return log


def require(*modules: str) -> None:
    """Find out now what children of ours would end for.

    Raises:
        ModuleNotFoundError: One is not installed; the command line names the extra that brings it.
    """
    for module in modules:
        importlib.import_module(module)


def run_celery(*arguments: str) -> None:
    """Be a Celery process of our app; does not return."""
    # The app looks there for what it is going to be.
    sys.argv = ["celery", "-A", "worker", *arguments]
    import_process("worker.app")
    importlib.import_module("celery.bin.celery").main()


@click.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: Sequence[str]) -> None:
    """Run a worker: it sends messages, asks for delivery reports and recovers lost jobs.

    Start as many as you like, on any machine that reaches the same Redis. On SIGTERM it finishes
    the requests it has started. Further arguments go to `celery worker`.
    """
    know_only_own(Process.WORKER)
    run_celery(_QUIET, "worker", _SELDOM, *_with_name(arguments), *arguments)


def _with_name(arguments: Sequence[str]) -> Sequence[str]:
    """Give a worker a name of its own where it has none: two of one name confuse Flower."""
    is_named = any(a in {"-n", "--hostname"} or a.startswith("--hostname=") for a in arguments)
    return () if is_named else ("--hostname", f"smsq-{os.getpid()}@%h")


@click.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def beat(arguments: Sequence[str]) -> None:
    """Run beat: every second it has the workers look for due jobs and reports.

    One is enough; a second does no harm. Further arguments go to `celery beat`.
    """
    know_only_own(Process.BEAT)
    run_celery(_QUIET, "beat", *arguments)


@click.command()
def web() -> None:
    """Run the web server: receipts from the gateway, your webhook, a page for operators.

    It takes receipts on $HOST:$PORT, by default 127.0.0.1:8080. The page, /metrics and a detailed
    /healthz are on SMSQ_ADMIN_LISTEN, by default 127.0.0.1:8081.
    """
    know_only_own(Process.WEB)
    begin_log("web")
    read_address(8080)
    import_process("worker.web").main()


@click.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def flower(arguments: Sequence[str]) -> None:
    """Run Flower, a web page that shows workers and tasks.

    It listens on $HOST:$PORT, by default 127.0.0.1:5555, and asks for the password of
    FLOWER_BASIC_AUTH=user:password. It has no buttons unless FLOWER_READ_ONLY=false. Further
    arguments go to `celery flower`.
    """
    know_only_own(Process.FLOWER)
    begin_log("flower")
    door = import_process("worker.flower_door")
    names = [a.split("=", 1)[0] for a in arguments if a.startswith("--")]
    if not door.has_password(os.environ, names):
        click.echo("smsq: Flower needs a password: set FLOWER_BASIC_AUTH=user:password", err=True)
        raise click.exceptions.Exit(_BAD_SETTINGS)
    given = dict(a.split("=", 1) for a in arguments if a.startswith("--") and "=" in a)
    host, port = read_address(5555, host=given.get("--address"), port=given.get("--port"))
    door.close(os.environ)
    # It asks workers before any has answered, and calls that failures.
    logging.getLogger("flower.inspector").setLevel(logging.ERROR)
    run_celery("flower", f"--address={host}", f"--port={port}", *arguments)


@click.command(context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def alive(arguments: Sequence[str]) -> None:
    """Check that a worker takes jobs, or that beat ticks; exit code 1 if not.

    For health checks and timers. --hostname NAME asks about that worker, --beat about beat; both
    may be given. Exit code 2: wrong settings.
    """
    raise click.exceptions.Exit(import_process("worker.alive").main(arguments))

"""`manage.py smsq ...`: the command line of smsq with the settings of Django.

In:  its arguments. Out: a process of `smsq` in its place, and so its output and exit code.
Never: a command run in this process: a web app may have `config`, `tasks` and `worker` of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from smsq.contrib.django.conf import read_environ
from smsq.errors import ConfigError

#: Of Django's own environment nothing is handed on: what runs is no part of the web app.
_OF_DJANGO = "DJANGO_SETTINGS_MODULE"


class Command(BaseCommand):
    """Hand everything on to `smsq`."""

    help = (
        "The command line of smsq with settings.SMSQ: `manage.py smsq --help` lists its commands."
    )
    requires_system_checks: Sequence[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take all that comes, options of `smsq` among them."""
        parser.add_argument("arguments", nargs=argparse.REMAINDER, help="as for smsq")

    def run_from_argv(self, argv: list[str]) -> None:
        """Become `smsq`: signals, terminal and exit code are its own."""
        arguments = argv[2:]
        if arguments and arguments[0].partition("=")[0] in {"--settings", "--pythonpath"}:
            super().run_from_argv(argv)  # Django reads these, and then calls `handle`
            return
        try:
            environ = _environ()
        except ConfigError as error:
            self.stderr.write(str(error))
            sys.exit(2)
        sys.stdout.flush()
        os.execve(sys.executable, _command(arguments), environ)  # noqa: S606 - no shell is wanted

    def handle(self, *_: Any, arguments: Sequence[str], **options: Any) -> None:
        """Run it and wait, as `call_command` does.

        Raises:
            CommandError: It ended with another exit code than 0, which is this error's too.
        """
        try:
            environ = _environ()
        except ConfigError as error:
            raise CommandError(str(error), returncode=2) from None
        code = subprocess.run(_command(arguments), env=environ, check=False).returncode  # noqa: S603
        if code:
            raise CommandError(f"smsq ended with exit code {code}", returncode=code)


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "smsq.cli", *arguments]


def _environ() -> Mapping[str, str]:
    environ = read_environ()
    environ.pop(_OF_DJANGO, None)
    return environ

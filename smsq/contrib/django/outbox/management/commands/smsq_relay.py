"""`manage.py smsq_relay`: hands the outbox' rows over; as many may run as you like.

In:  arguments. Out: a relay that works until SIGTERM, or an answer; an exit code.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from smsq.contrib.django.outbox.at_commit import get_relay
from smsq.contrib.django.outbox.table import DjangoTable
from smsq.contrib.outbox.command import add_arguments, run


class Command(BaseCommand):
    """The command."""

    help = "Hand messages of the SMS outbox over to smsq; --failed, --retry, --status: look at it."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its own, and those of every relay."""
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="alias of DATABASES")
        add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run it."""
        using = options["database"]
        given = argparse.Namespace(**options)
        code = run(given, DjangoTable(using), get_relay(using), self.stdout.write)
        if code:
            sys.exit(code)

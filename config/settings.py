"""Settings of a process that is starting: all mistakes are shown together and stop the start.

In:  the environment. Out: one frozen `Settings`, or the end of the process.

The settings themselves stand in `smsq/settings.py`, because a web app reads the same variables and
installs nothing but `smsq`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NoReturn

from config.scrub import hide_secrets_of
from smsq.errors import ConfigError
from smsq.settings import Settings

#: Exit code for wrong settings, as of the command line.
EXIT_BAD_SETTINGS = 2


def load_settings(
    *, needs_gateway: bool = False, needs_webhook: bool = False, needs_page: bool = False
) -> Settings:
    """Read the settings, or end the process with every mistake on stderr.

    Args:
        needs_gateway: True for processes that talk to the gateway.
        needs_webhook: True for processes that post to the webhook.
        needs_page: True for the process that serves operators.
    """
    try:
        settings = Settings.from_env(
            needs_gateway=needs_gateway, needs_webhook=needs_webhook, needs_page=needs_page
        )
    except ConfigError as error:
        refuse(error.mistakes)
    hide_secrets_of(settings)
    return settings


def refuse(mistakes: Iterable[str]) -> NoReturn:
    """End a process that cannot work with its settings: every mistake on stderr, exit code 2."""
    sys.stderr.write("".join(f"smsq: {mistake}\n" for mistake in mistakes))
    sys.exit(EXIT_BAD_SETTINGS)

"""The gateway of a developer: a console. Pure, and light for who only asks whether it is one."""

from __future__ import annotations

#: In place of a gateway's address: what would be sent is printed. Texts go to a terminal alone, or,
#: where they are asked for, wherever stdout leads.
CONSOLE, CONSOLE_WITH_TEXT = "console:", "console:text"


def is_console(gateway_url: str) -> bool:
    """Say whether the worker prints what it would send, for development."""
    return gateway_url in {CONSOLE, CONSOLE_WITH_TEXT}

"""The group of all commands: imports each when it is run, and turns errors into exit codes.

In:  arguments. Out: the command's own output, or one error in words (and in JSON when asked).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import click

from smsq.cli.output import Exit, tell_errors


class Commands(click.Group):
    """Commands that are imported when needed.

    Args:
        lazy: Name → `module:attribute` and the one line that the help shows.
    """

    def __init__(
        self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, then those added one by one."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, attribute = self._lazy[cmd_name][0].split(":")
        return cast(click.Command, getattr(importlib.import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        rows = [(name, line) for name, (_, line) in self._lazy.items()]
        rows += [
            (name, command.get_short_help_str()) for name, command in sorted(self.commands.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments before the command's name."""
        ctx.meta["smsq.as_json"] = wants_json(args)
        with tell_errors(as_json=ctx.meta["smsq.as_json"]):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with tell_errors(as_json=ctx.meta["smsq.as_json"]):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def wants_json(args: Sequence[str]) -> bool:
    """Find `--json` even where the rest cannot be understood: then the error is JSON too."""
    options = args[: args.index("--")] if "--" in args else args
    return "--json" in options

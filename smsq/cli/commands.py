"""The group of all commands: imports each when it is run, and turns errors into exit codes.

In:  arguments. Out: the command's own output, or one error in words (and in JSON when asked).
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import click

from smsq.cli.examples import EXAMPLES, add_examples
from smsq.cli.output import EXIT_MEANINGS, Exit, tell_errors
from smsq.cli.terminal import prepare

#: Heading in the help → name of a command → `module:attribute` and its line in the help.
Group = Mapping[str, Mapping[str, tuple[str, str]]]

#: Commands that need more than the library → the extra that brings it.
_EXTRAS = {
    **dict.fromkeys(("worker", "beat", "web", "flower", "alive", "up"), "worker"),
    "simulator": "demo",
    "demo": "all",
}


#: Commands named to who wrote none.
_MOST_NEAR = 4


class Commands(click.Group):
    """Commands that are imported when needed.

    Args:
        lazy: What is imported when it is run; none for a group whose commands are added.
    """

    def __init__(self, *args: Any, lazy: Group | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._groups = lazy or {}
        self._lazy = {name: row for rows in self._groups.values() for name, row in rows.items()}

    def main(self, *args: Any, **options: Any) -> Any:
        """Run, wherever the output goes."""
        prepare()
        return super().main(*args, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, then those added one by one."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, attribute = self._lazy[cmd_name][0].split(":")
        try:
            command = cast(
                click.Command, getattr(importlib.import_module(module, "smsq.cli"), attribute)
            )
        except ModuleNotFoundError as missing:
            raise say_extra(cmd_name, missing) from None
        return add_examples(command, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; one that is not there is answered with those near it."""
        is_option = args[0].startswith("-")
        if self._lazy and not is_option and self.get_command(ctx, args[0]) is None:
            near = find_near(args[0], list(self._lazy))
            meant = f"write {say_choice(near)}" if near else "smsq --help lists them all"
            raise click.UsageError(f"no such command: {meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by their groups, without importing them, and the exit codes."""
        for heading, lazy in self._groups.items():
            with formatter.section(heading):
                formatter.write_dl([(name, line) for name, (_, line) in lazy.items()])
        if self.commands:
            rows = [(name, one.get_short_help_str()) for name, one in sorted(self.commands.items())]
            with formatter.section("Commands"):
                formatter.write_dl(rows)
        if self._groups:
            with formatter.section("Exit codes"):
                formatter.write_dl([(str(int(code)), said) for code, said in EXIT_MEANINGS.items()])

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
        except ModuleNotFoundError as missing:
            raise say_extra(ctx.invoked_subcommand or "", missing) from None
        except KeyboardInterrupt:
            click.echo(err=True)
            raise click.exceptions.Exit(Exit.INTERRUPTED) from None


def find_near(written: str, names: Sequence[str]) -> Sequence[str]:
    """Find the commands that somebody may have meant, as they are typed; the likeliest first."""
    word = written.casefold()
    beginning = [name for name in names if name.startswith(word)]
    below = [path for path in EXAMPLES if path.endswith(f" {word}")]
    near = difflib.get_close_matches(word, names, cutoff=0.7)
    return list(dict.fromkeys([*beginning, *below, *near]))[:_MOST_NEAR]


def say_choice(paths: Sequence[str]) -> str:
    """Say which commands to write."""
    return " or ".join(f"smsq {path}" for path in paths)


def say_extra(command: str, missing: ModuleNotFoundError) -> Exception:
    """Turn a module that is not installed into the sentence that names what to install."""
    name = (missing.name or "").partition(".")[0]
    if command not in _EXTRAS or name in {"smsq", "worker", "tasks", "config"}:
        return missing
    extra = _EXTRAS[command]
    return click.ClickException(
        f"smsq {command} needs {name}, which is not installed: pip install 'smsq[{extra}]'"
    )


def wants_json(args: Sequence[str]) -> bool:
    """Find `--json` even where the rest cannot be understood: then the error is JSON too."""
    options = args[: args.index("--")] if "--" in args else args
    return "--json" in options

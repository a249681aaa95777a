"""The help of every command: examples that can be typed, options that say what they do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click
import pytest

from smsq.cli import COMMANDS, main
from smsq.cli.examples import EXAMPLES

#: Words that a newcomer reads twice, or that only this project uses so.
RIDDLES = ("told", "stands", "stand", "news", "mend", "desk", "horizon", "taken back", "works off")

#: They take whatever Celery or Flower takes.
PASSES_ON = {"worker", "beat", "flower", "alive"}


def walk() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command and subcommand, with what is typed before it."""
    above = click.Context(main, info_name="smsq")
    for name in COMMANDS:
        command = main.get_command(above, name)
        assert command
        yield name, command, above
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name, parent=above)
            for sub, below in command.commands.items():
                yield f"{name} {sub}", below, context


def help_of(command: click.Command, above: click.Context) -> str:
    return click.Context(command, info_name=command.name, parent=above).get_help()


ALL = {path: (command, above) for path, command, above in walk()}
EACH = pytest.mark.parametrize("path", ALL)


def words_of(line: str) -> list[str]:
    """What `smsq` gets of a line: after a pipe, before a redirection, without variables."""
    words = shlex.split(line)
    if "|" in words:
        words = words[words.index("|") + 1 :]
    for redirection in (">", ">>"):
        if redirection in words:
            words = words[: words.index(redirection)]
    while "=" in words[0]:
        del words[0]
    assert words[0] == "smsq", line
    return words[1:]


@EACH
def test_a_command_shows_an_example(path: str) -> None:
    command, above = ALL[path]
    lines = help_of(command, above).partition("Examples:\n")[2].splitlines()

    assert lines, path
    typed = [words_of(line) for line in lines]
    assert all(" ".join(words).startswith(path) for words in typed), path
    # Lines are shown as they were written: none is wrapped, and each fits on a terminal.
    assert all(line.startswith("  ") and len(line) <= 80 for line in lines), path


@pytest.mark.parametrize("line", [line for lines in EXAMPLES.values() for line in lines])
def test_an_example_is_understood_by_its_command(line: str) -> None:
    name, *rest = words_of(line)
    if rest == ["--help"]:
        assert name in ALL
        return
    command, above = ALL[name]
    if isinstance(command, click.Group):
        name, rest = f"{name} {rest[0]}", rest[1:]
        command, above = ALL[name]

    context = command.make_context(command.name, [*rest], parent=above)

    assert name not in PASSES_ON or context.params["arguments"] == tuple(rest)


def test_no_example_is_of_a_command_that_is_gone() -> None:
    assert set(EXAMPLES) - {""} <= set(ALL)


@EACH
def test_help_has_no_riddles(path: str) -> None:
    command, above = ALL[path]
    said = help_of(command, above).partition("JSON:")[0].casefold().split()
    words = " ".join(word.strip(".,;:()") for word in said)

    assert not [riddle for riddle in RIDDLES if f" {riddle} " in f" {words} "], path


@EACH
def test_every_option_says_what_it_does(path: str) -> None:
    command, _ = ALL[path]
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, param.opts


def test_the_list_of_commands_has_no_riddles_either() -> None:
    for name, (_, line) in COMMANDS.items():
        words = f" {line.casefold().rstrip('.')} "
        assert not [riddle for riddle in RIDDLES if f" {riddle} " in words], name

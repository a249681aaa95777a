"""`smsq parts`: what a text costs, and which of its characters cost the most.

In:  a text. Out: parts, encoding, places, characters; nothing is sent or stored.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import click

from smsq.cli.output import json_option, print_json, say_number
from smsq.cli.params import read_text, to_unicode
from smsq.text.cheaper import shorten
from smsq.text.layout import compose
from smsq.text.parts import MAX_PARTS, PLACES_PER_PART, Costly, Parts, count_parts, find_costly

#: Characters shown to a person; in a Cyrillic text nearly every letter forces UCS-2.
_MOST_SHOWN = 8


@click.command()
@click.argument("text", callback=to_unicode)
@json_option
def parts(text: str, *, as_json: bool) -> None:
    """Count the SMS parts of a TEXT, and show which characters make it long.

    Write - as TEXT to read it from stdin.

    JSON: {"parts", "encoding", "places", "forces_ucs2": [{"character", "name", "at"}],
    "two_places": [...], "smart_text_parts"}; encoding is gsm7 or ucs2, at is a character's first
    place, from 1.
    """
    text = compose(read_text(text))
    counted, costly = count_parts(text), find_costly(text)
    plain = count_parts(shorten(text)).count
    if as_json:
        print_json({**describe(counted, costly), "smart_text_parts": plain})
        return
    for line in say(counted, costly):
        click.echo(line)
    if plain < counted.count:
        click.echo(f"{say_number(plain, 'part')} with SMSQ_SMART_TEXT=1, which writes it plainly")


def describe(counted: Parts, costly: Sequence[Costly]) -> dict[str, Any]:
    """Make the JSON document of a count."""
    return {
        "parts": counted.count,
        "encoding": counted.encoding,
        "places": counted.places,
        "forces_ucs2": [_describe(c) for c in costly if c.forces_ucs2],
        "two_places": [_describe(c) for c in costly if not c.forces_ucs2],
    }


def say(counted: Parts, costly: Sequence[Costly]) -> list[str]:
    """Say it in words, for a person."""
    single, each = PLACES_PER_PART[counted.encoding]
    fits = single if counted.count <= 1 else each * counted.count
    lines = [
        f"{say_number(counted.count, 'part')} in {counted.encoding.value.upper()}, "
        f"{counted.places} of {fits} places used"
    ]
    if counted.count > MAX_PARTS:
        lines.append(f"too long: the gateway takes {MAX_PARTS} parts at most")
    for heading, forces_ucs2 in (("forces UCS-2", True), ("takes two places", False)):
        found = [c for c in costly if c.forces_ucs2 is forces_ucs2]
        lines += [f"{heading}: {_show(c)}" for c in found[:_MOST_SHOWN]]
        if len(found) > _MOST_SHOWN:
            lines.append(f"{heading}: and {len(found) - _MOST_SHOWN} more; --json has all")
    return lines


def _show(costly: Costly) -> str:
    return f"{show_character(costly.character)}, at {costly.at}"


def show_character(character: str) -> str:
    """Show a character and say its name."""
    shown = character if character.isprintable() else "?"
    return f"{shown}  {name_character(character)}"


def _describe(costly: Costly) -> dict[str, Any]:
    character = costly.character
    return {"character": character, "name": name_character(character), "at": costly.at}


def name_character(character: str) -> str:
    """Say a character's name in Unicode."""
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()

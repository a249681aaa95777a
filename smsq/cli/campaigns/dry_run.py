"""`smsq send-bulk --dry-run`: what a campaign would take, before a kopeck is spent.

In:  a table. Out: numbers; nothing is stored, in Redis or in a file.
"""

from __future__ import annotations

import math
from typing import Any

import click

from smsq.cli.campaigns.estimate import Caps, Estimate, Nowhere, say_price
from smsq.cli.campaigns.fill_draft import Loader
from smsq.cli.files.csv_rows import Table
from smsq.cli.looking.watch import say_duration
from smsq.cli.output import print_json, put, say_number
from smsq.cli.sending.parts import name_character, show_character
from smsq.queue import SmsQueue

#: Characters shown to a person; in a Cyrillic text nearly every letter forces UCS-2.
_MOST_SHOWN = 8


class DryRun:
    """One dry run: load into `estimate`, then `finish`."""

    def __init__(self, queue: SmsQueue, caps: Caps) -> None:
        self._queue = queue
        self._caps = caps
        self._nowhere = Nowhere(queue)
        self.estimate = Estimate(self._nowhere)

    def finish(self, loader: Loader) -> dict[str, Any]:
        """Make the JSON document of what was counted."""
        self._nowhere.look_up()
        estimate = self.estimate
        requests = math.ceil(estimate.recipients / self._queue.settings.bulk_max_recipients)
        rate_per_s = self._queue.stats().rate.current_per_s
        price = self._caps.price_of(estimate.parts)
        return {
            "dry_run": True,
            "rows": loader.rows,
            "invalid": loader.rejects.count,
            "duplicates": loader.duplicates,
            "opted_out": self._nowhere.opted_out,
            "recipients": estimate.recipients,
            "parts": estimate.parts,
            "smart_text_saves": estimate.parts - estimate.plain_parts,
            "price": None if price is None else str(price),
            "requests": requests,
            "rate_per_s": round(rate_per_s, 3),
            "hours": round(requests / rate_per_s / 3600, 4),
            "ucs2": {
                "rows": estimate.ucs2_rows,
                "characters": [
                    {"character": c, "name": name_character(c), "rows": rows}
                    for c, rows in estimate.ucs2_characters.most_common()
                ],
            },
            "refused": self._caps.find_passed(estimate.parts),
            "encoding": loader.table.lines.encoding or "ascii",
            "first_text": estimate.first_text,
        }

    def put(self, told: dict[str, Any], loader: Loader, *, as_json: bool) -> None:
        """Say it, as JSON or in words."""
        if as_json:
            print_json(told)
            return
        rows = [("rows", told["rows"]), ("invalid", told["invalid"])]
        rows += [("duplicates", told["duplicates"]), ("opted out", told["opted_out"])]
        rows += [("recipients", told["recipients"]), ("parts", told["parts"])]
        for name, number in rows:
            put(f"{name:<11}{number:,}")
        price = self._caps.price_of(told["parts"])
        if price is not None:
            each = say_price(self._caps.price_per_part or price)
            put(f"price      {say_price(price)} at {each} for a part")
        if saved := told["smart_text_saves"]:
            money = self._caps.price_of(saved)
            worth = f", {say_price(money)}" if money is not None else ""
            put(f"to save    {say_number(saved, 'part')}{worth}: set SMSQ_SMART_TEXT=1")
        duration = say_duration(told["hours"] * 3600)
        put(f"requests   {told['requests']:,}: {duration} at {told['rate_per_s']:.3g}/s")
        self._tell_ucs2(told["ucs2"]["rows"])
        put(f"encoding   {say_encoding(loader.table)}")
        if told["first_text"] is not None:
            click.echo(f"first text {_show_text(told['first_text'])}")
        for mistake in loader.rejects.shown:
            put(mistake, err=True)
        for refused in told["refused"]:
            put(f"smsq: would be refused: {refused}", err=True)

    def _tell_ucs2(self, rows: int) -> None:
        if not rows:
            return
        put(f"UCS-2      in {say_number(rows, 'row')}, because of")
        characters = self.estimate.ucs2_characters
        for c, count in characters.most_common(_MOST_SHOWN):
            put(f"           {show_character(c)}  in {say_number(count, 'row')}")
        if len(characters) > _MOST_SHOWN:
            put(f"           and {len(characters) - _MOST_SHOWN} more; --json has all")


def say_encoding(table: Table) -> str:
    """Say how a file was read, and how sure that is."""
    lines = table.lines
    guessed = ", which is a guess: --encoding says otherwise" if lines.is_guessed else ""
    return f"{lines.encoding or 'ascii'}{guessed}"


def _show_text(text: str) -> str:
    """Show a text line by line, below each other; what no terminal shows is a dot."""
    shown = "".join(c if c.isprintable() or c == "\n" else "\u00b7" for c in text)
    return shown.replace("\n", "\n           ")

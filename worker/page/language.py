"""The page's two languages: which one, its words, its numbers and times.

In:  a key and values. Out: what people read. Numbers, times and plurals are each language's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from worker.page.words import audit, campaigns, find, frame, history, now, stuck

LANGUAGES = ("en", "ru")

#: Every word of the page: English, Russian.
WORDS: Mapping[str, tuple[str, str]] = {
    **frame.WORDS,
    **now.WORDS,
    **campaigns.WORDS,
    **find.WORDS,
    **stuck.WORDS,
    **history.WORDS,
    **audit.WORDS,
}

#: `{n:jobs}` in a word: one, few (Russian only), many.
NOUNS: Mapping[str, tuple[tuple[str, str], tuple[str, str, str]]] = {
    "jobs": (("job", "jobs"), ("задача", "задачи", "задач")),
    "recipients": (("recipient", "recipients"), ("получатель", "получателя", "получателей")),
    "requests": (("request", "requests"), ("запрос", "запроса", "запросов")),
    "entries": (("entry", "entries"), ("запись", "записи", "записей")),
    "times": (("time", "times"), ("раз", "раза", "раз")),
}

_VALUE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_UNITS = {"en": ("ms", "s", "min", "h", "d"), "ru": ("мс", "с", "мин", "ч", "д")}  # noqa: RUF001
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_TENS, _HUNDREDS, _TEENS, _FEW = 10, 100, range(11, 15), range(2, 5)


def choose_language(cookie: str, accept: str) -> str:
    """Choose by what was switched to, else by what the browser wants first."""
    if cookie in LANGUAGES:
        return cookie
    wanted: list[tuple[float, str]] = []
    for part in accept.split(",")[:20]:
        name, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((float(weight or 1), name[:2].lower()))
        except ValueError:
            continue
    wanted = [pair for pair in wanted if pair[1] in LANGUAGES and pair[0] > 0]
    # The first of those that are wanted alike.
    return max(wanted, key=lambda pair: pair[0])[1] if wanted else LANGUAGES[0]


class Language:
    """Says things in one language, with times in one zone."""

    def __init__(self, name: str, zone: str) -> None:
        self.name = name
        self._n = LANGUAGES.index(name)
        self._zone = ZoneInfo(zone)

    def say(self, key: str, /, **values: Any) -> str:
        """Say a word or a sentence with its values.

        Raises:
            KeyError: There is no such word, or a value of it is missing.
        """

        def fill(found: re.Match[str]) -> str:
            value = values[found[1]]
            if found[2]:
                return f"{self.number(value)} {self.noun(found[2], value)}"
            return self.number(value) if isinstance(value, int | float) else str(value)

        return _VALUE.sub(fill, WORDS[key][self._n])

    def knows(self, key: str) -> bool:
        """Whether there is such a word."""
        return key in WORDS

    def noun(self, noun: str, n: int) -> str:
        """Give a noun the form that a number asks for."""
        return NOUNS[noun][self._n][_form(self.name, n)]

    def number(self, n: float, digits: int = 3) -> str:
        """Write a number: whole, or rounded to so many digits."""
        if isinstance(n, int) or n == round(n):
            told = f"{round(n):,}"
        else:
            told = f"{n:.{digits}g}" if abs(n) < 10**digits else f"{n:,.0f}"
        return told if self.name == "en" else told.replace(",", "\u00a0").replace(".", ",")

    def duration(self, seconds: float) -> str:
        """Write how long: `84 ms`, `2.5 s`, `3 min 20 s`, `2 h 5 min`."""
        ms, s, minute, hour, day = _UNITS[self.name]
        space = "\u00a0"
        if seconds < 1:
            return f"{round(seconds * 1000)}{space}{ms}"
        if seconds < _TENS:
            return f"{self.number(seconds, 2)}{space}{s}"
        if round(seconds) < _MINUTE_S:
            return f"{round(seconds)}{space}{s}"
        whole = round(seconds)
        for size, unit, part, small in (
            (_DAY_S, day, _HOUR_S, hour),
            (_HOUR_S, hour, _MINUTE_S, minute),
            (_MINUTE_S, minute, 1, s),
        ):
            if whole >= size:
                rest = whole % size // part
                more = f" {rest}{space}{small}" if rest else ""
                return f"{self.number(whole // size)}{space}{unit}{more}"
        raise AssertionError(seconds)

    def time(self, at: datetime, *, precise: bool = False) -> str:
        """Write a time in the zone of the settings; `precise` to the millisecond."""
        there = at.astimezone(self._zone)
        seconds = f"{there:%H:%M:%S}" + (f".{there.microsecond // 1000:03d}" if precise else "")
        day = f"{there:%Y-%m-%d}" if self.name == "en" else f"{there:%d.%m.%Y}"
        return f"{day} {seconds}"

    def clock(self, at: datetime) -> str:
        """Write the time of day."""
        return f"{at.astimezone(self._zone):%H:%M:%S}"


def _form(language: str, n: int) -> int:
    if language == "en":
        return int(n != 1)
    tens = n % _HUNDREDS
    if tens in _TEENS or n % _TENS in (0, *range(5, 10)):
        return 2
    return 1 if n % _TENS in _FEW else 0


@cache
def language_of(name: str, zone: str) -> Language:
    """Get a language; there are two of each zone."""
    return Language(name, zone)


def find_incomplete(words: Mapping[str, Sequence[str]]) -> list[str]:
    """Name keys whose translations lack a word or do not have the same values."""
    return [
        key
        for key, told in words.items()
        if len(told) != len(LANGUAGES)
        or not all(text.strip() for text in told)
        or len({tuple(sorted(_VALUE.findall(text))) for text in told}) != 1
    ]

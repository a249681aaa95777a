"""Reads values as web apps have them: lazy translations, keys of rows. Pure.

In:  what a caller wrote. Out: a plain string where one is certainly meant, else the value itself.
"""

from __future__ import annotations

from collections.abc import Set

from smsq.settings import Settings
from smsq.text.cheaper import shorten
from smsq.text.layout import compose

#: Beside numbers; by module and name as well: who hands none in need not import it.
_ROW_IDS = frozenset({("uuid", "UUID")})

#: Classes of translations that are strings only when asked, by module and name: none is imported.
_LAZY = frozenset(
    {
        ("django.utils.functional", "Promise"),
        ("babel.support", "LazyProxy"),
        ("flask_babel.speaklater", "LazyString"),
    }
)


def read_text(raw: object) -> object:
    """Take a lazy translation's words, in the language of the moment."""
    if isinstance(raw, str):
        return _plain(raw)
    return str(raw) if _is_any(raw, _LAZY) else raw


def read_key(raw: object) -> object:
    """Take a row's primary key: the number or UUID as it is written."""
    if isinstance(raw, str):
        return _plain(raw)
    is_number = isinstance(raw, int) and not isinstance(raw, bool)
    return str(raw) if is_number or _is_any(raw, _ROW_IDS) else raw


def _is_any(raw: object, kinds: Set[tuple[str, str]]) -> bool:
    return any((kind.__module__, kind.__name__) in kinds for kind in type(raw).__mro__)


def _plain(raw: str) -> str:
    """Leave marked-safe strings and the like behind: what is stored is text and nothing else."""
    return raw if type(raw) is str else str.__str__(raw)


def prepare_text(raw: str, settings: Settings) -> str:
    """Write a text as it is sent: NFC, and with SMSQ_SMART_TEXT=1 in as few parts as it can be."""
    text = compose(raw)
    return shorten(text) if settings.smart_text else text

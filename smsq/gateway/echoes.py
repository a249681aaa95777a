"""What of a gateway's words repeats our request. Pure.

In:  a reason, and what the request held. Out: the reason without it, or that it cannot be had so.

An answer is short and a request may hold 20,000 texts, so what the answer has is looked for among
them, and not each of them in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from html import unescape
from urllib.parse import unquote_plus

#: A shorter text stands in other words by chance, `hi` in `this`, and is only sought as a word.
_LEAST = 4
#: So much of a text in a reason is a repetition, not a chance.
_PIECE = 8
#: Of any piece, one part of this size begins at a multiple of the stride.
_PART = 4
_STRIDE = _PIECE - _PART + 1

_ESCAPED = re.compile(r"\\+u([0-9a-fA-F]{4})")
_TAG = re.compile(r"<[^<>]{0,100}>|[\u00ad\u200b-\u200f\u2060\ufeff]")

#: So many digits in a row are a code; fewer are a number of anything.
_CODE = 4
_NO_DIGIT = re.compile(r"[^\d\0]+")
#: A word with letters and digits.
_MIXED = re.compile(r"(?=[^\W_]*\d)(?=[^\W_]*[^\W\d_])[^\W_]{4,}")


def take_out(reason: str, ours: Sequence[str]) -> str:
    """Put `…` in place of whatever stands in the reason as we sent it, the longest first."""
    for one in sorted({one for one in ours if one and one in reason}, key=len, reverse=True):
        reason = _take_one_out(reason, one, 0)
    return reason


def take_names_out(reason: str, names: Sequence[str]) -> str:
    """Put `…` in place of names, however they are spelled: only to judge what is left."""
    for name in sorted(set(filter(None, names)), key=len, reverse=True):
        for spelling in dict.fromkeys((name, name.replace("_", " "))):
            reason = _take_one_out(reason, spelling, re.IGNORECASE)
    return reason


def spell(reason: str) -> list[str]:
    """Write a reason in the ways that undo how gateways escape what they repeat; itself first.

    What is escaped twice is undone twice.
    """
    spellings = [reason]
    for _ in range(_ROUNDS):
        undone = [undo(one) for one in spellings for undo in _UNDO]
        known, spellings = spellings, list(dict.fromkeys([*spellings, *undone]))
        if len(known) == len(spellings):
            break
    return spellings


def undo_all(reason: str) -> str:
    """Write a reason as its reader is meant to see it, with every escape undone."""
    for undo in (*_UNDO, *_UNDO):
        reason = undo(reason)
    return reason


def _undo_json(text: str) -> str:
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\/", "/")


def _undo_tags(text: str) -> str:
    return _TAG.sub("", text)


def _undo_alphabet(text: str, alphabet: str) -> str:
    """Undo that UTF-8 was read as another alphabet."""
    try:
        return text.encode(alphabet).decode()
    except UnicodeError:
        return text


_ROUNDS = 2
_UNDO: Sequence[Callable[[str], str]] = (
    unquote_plus,
    unescape,
    _undo_json,
    _undo_tags,
    partial(_undo_alphabet, alphabet="cp1251"),
    partial(_undo_alphabet, alphabet="latin-1"),
)


def mask_codes(reason: str, ours: Sequence[str]) -> str:
    """Put `*` in place of digits and codes of ours, whatever stands around them.

    Words may come back in capitals or in other letters, but a code stays a code: four digits in a
    row, however they are grouped, and words of letters and digits.
    """
    digits = [(i, c) for i, c in enumerate(reason) if c.isdecimal()]
    if len(digits) < _CODE and not _MIXED.search(reason):
        return reason
    joined = "\0".join(ours).casefold()
    numbers = _NO_DIGIT.sub("", joined)
    hidden: set[int] = set()
    for n in range(len(digits) - _CODE + 1):
        window = digits[n : n + _CODE]
        if "".join(c for _, c in window) in numbers:
            hidden.update(i for i, _ in window)
    for found in _MIXED.finditer(reason):
        for at in range(found.start(), found.end() - _CODE + 1):
            part = reason[at : at + _CODE]
            if _MIXED.fullmatch(part) and part.casefold() in joined:
                hidden.update(range(at, at + _CODE))
    return "".join("*" if i in hidden else c for i, c in enumerate(reason))


def repeats(reason: str, ours: Sequence[str]) -> bool:
    """Say whether anything of ours, or a piece of it, stands in the reason, in any spelling."""
    spellings = [one.casefold() for one in spell(reason)]
    pieces = {s[i : i + _PIECE] for s in spellings for i in range(len(s) - _PIECE + 1)}
    short = {one for one in ours if _LEAST <= len(one) < _PIECE}
    if any(one.casefold() in s for one in short for s in spellings):
        return True
    return bool(pieces) and _holds_any(
        "\0".join(one for one in ours if len(one) >= _PIECE).casefold(), pieces
    )


def _holds_any(text: str, pieces: set[str]) -> bool:
    """Say whether one of the pieces stands in a text that may be long."""
    parts = {piece[i : i + _PART] for piece in pieces for i in range(_STRIDE)}
    for at in range(0, len(text), _STRIDE):
        if text[at : at + _PART] in parts and any(
            text[i : i + _PIECE] in pieces for i in range(max(0, at - _STRIDE + 1), at + 1)
        ):
            return True
    return False


def _take_one_out(reason: str, one: str, flags: int) -> str:
    pattern = re.escape(one)
    if len(one) < _LEAST:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.sub(pattern, "…", reason, flags=flags)

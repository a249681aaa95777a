"""What speaks for and against an encoding that nobody told. Pure.

In:  bytes of one line. Out: whether they are UTF-8, whole or but for something broken in it; and
which encoding fits better than cp1251.

UTF-8 is recognised for certain: a text in cp1251 is almost never UTF-8 that means something. cp1251
never is, since nearly all of its bytes are letters; so it is weighed against others by how often
their letters are written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

#: What `--encoding` takes.
KNOWN = ("utf-8", "cp1251", "cp866", "koi8-r", "koi8-u", "iso-8859-5", "mac-cyrillic", "cp1252")

#: Sequences as UTF-8 builds them, halves of a pair of surrogates included.
_SEQUENCE = re.compile(
    # Without what is longer than it need be: Python does not decode that.
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
    rb"|[\x80-\xff]"
)
#: Most letters of a broken text, as two of Russian stand in UTF-8.
_PAIRS = re.compile(rb"(?:[\xd0-\xd3][\x80-\xbf]){2}")
#: Characters outside ASCII that messages here hold: Cyrillic, accented Latin letters, punctuation,
#: currencies, signs, arrows, emoji; halves of one stand for it.
_LIKELY = re.compile(
    "[\u00a0\u00a7\u00a9\u00ab\u00ad\u00ae\u00b0\u00b1\u00b7\u00bb\u00c0-\u017f\u0300-\u0304"
    "\u0400-\u052f\u2009-\u200d\u2010-\u2044\u20a0-\u20bf\u2116\u2122\u2190-\u27bf\ud800-\udfff"
    "\ufe0f\ufeff\U0001f000-\U0001faff]"
)

#: Letters of Russian, the most frequent first: each place is what one more such letter costs. Those
#: of Belarusian and Ukrainian cost what their frequency there says.
_LETTERS = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъ"
_NEIGHBOURS = {"і": 6, "ў": 20, "ё": 20, "ї": 22, "є": 22, "ґ": 32}  # noqa: RUF001
_PUNCTUATION = dict.fromkeys("«»„“”‘’–—…№©®™\u00a0°±·•€§", 20)  # noqa: RUF001
#: Nobody writes it.
_ODD_COST = 40
_COSTS = {letter: place for place, letter in enumerate(_LETTERS)} | _NEIGHBOURS | _PUNCTUATION

#: A sign alone, as in `10 €`, says nothing.
_RUN = re.compile(rb"[\x80-\xff]{2,}")
#: Words of Latin letters and of what is a letter in cp1251.
_LETTER = rb"\xa1-\xa3\xa5\xa8\xaa\xaf\xb2-\xb4\xb8\xba\xbc-\xff"
_WORD = re.compile(rb"[A-Za-z]*[%b][A-Za-z%b]*" % (_LETTER, _LETTER))
#: Latin letters that nobody types for Cyrillic ones.
_LATIN = re.compile(rb"[bdfghj-nq-wzDFGIJLNQRSUVWZ]")
#: A letter of Serbian or Macedonian that stands alone: no word, but a sign of another encoding, as
#: the `€` of cp1252.
_ALONE = re.compile(
    rb"(?<![\x80-\xff])[\x80\x81\x83\x8a\x8c-\x90\x9a\x9c-\x9f\xa3\xbc-\xbe](?![\x80-\xff])"
)
_WORD_COST = 20

#: Another encoding fits better from here on, at the end of a file from there on, and never more
#: once so much is against it.
_REFUTED, _DOUBTED, _SETTLED = -40, -15, 80


def may_be_utf8(raw: bytes) -> bool:
    """Say whether a line is worth a closer look, in no time."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return bool(_PAIRS.search(raw))
    return True


def is_meant_as_utf8(raw: bytes) -> bool:
    """Say whether a line is UTF-8, or was before something broke it: most of it means something."""
    meant = stray = 0
    for sequence in _SEQUENCE.findall(raw):
        if len(sequence) > 1 and _LIKELY.fullmatch(sequence.decode("utf-8", "surrogatepass")):
            meant += len(sequence)
        else:
            stray += len(sequence)
    return meant > stray


class Guess:
    """What speaks for cp1251, and against each other encoding, line by line."""

    def __init__(self) -> None:
        self._for = dict.fromkeys([*_DIFFERENCES, "cp1252"], 0)

    def weigh(self, raw: bytes) -> str | None:
        """Weigh one more line; returns an encoding that fits better, None while there is none.

        Once enough speaks against another encoding, it is looked at no more.
        """
        for encoding in list(self._for):
            self._for[encoding] += _compare(raw, encoding)
            if self._for[encoding] <= _REFUTED:
                return encoding
            if self._for[encoding] >= _SETTLED:
                del self._for[encoding]
        return None

    def doubt(self) -> str | None:
        """Say at the end of a file which encoding fits better, if only by a little."""
        worst = min(self._for, key=lambda encoding: self._for[encoding], default=None)
        return worst if worst and self._for[worst] <= _DOUBTED else None


def _compare(raw: bytes, encoding: str) -> int:
    """Say by how much cp1251 fits a line better than another encoding does."""
    if encoding == "cp1252":
        alone = 2 * _WORD_COST * len(_ALONE.findall(raw))
        return sum(map(_weigh_word, _WORD.findall(raw))) - alone
    difference = _DIFFERENCES[encoding]
    return sum(difference[byte] for byte in b"".join(_RUN.findall(raw)))


def _weigh_word(word: bytes) -> int:
    """Say what a word says against a Western text: `Müller` and `José` mix what nobody mixes."""
    if _LATIN.search(word):
        return -2 * _WORD_COST
    return _WORD_COST if len(word) > 1 and not re.search(rb"[A-Za-z]", word) else 0


def _cost_of(byte: int, encoding: str) -> int:
    letter = bytes([byte]).decode(encoding, "replace")
    return 0 if letter.isascii() else _COSTS.get(letter.lower(), _ODD_COST)


def _differences(encoding: str) -> Sequence[int]:
    return [_cost_of(byte, encoding) - _cost_of(byte, "cp1251") for byte in range(256)]


_DIFFERENCES: Mapping[str, Sequence[int]] = {
    encoding: _differences(encoding)
    for encoding in ("koi8-r", "cp866", "iso-8859-5", "mac-cyrillic")
}

"""Texts that cost fewer parts: typographic characters become plain ones. Pure.

In:  a text. Out: the same as a reader sees it, in fewer parts; or unchanged.

One typographic quotation mark makes a text of 160 characters one of three parts. Letters and
digits are never replaced, and so no name; nor is anything in a link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from smsq.text.parts import count_parts

#: What stands for what; no letter and no digit among them.
REPLACEMENTS: Mapping[str, str] = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4`", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007", " "),
    **dict.fromkeys("\u2008\u2009\u200a\u202f\u205f\u3000\t", " "),
    **dict.fromkeys("\u2028\u2029", "\n"),
    "\u2026": "...",
    "\u2022": "*",
    # Nobody sees them.
    **dict.fromkeys("\u00ad\u200b\u2060\ufeff", ""),
}

_TABLE = str.maketrans(dict(REPLACEMENTS))
_REPLACEABLE = re.compile(f"[{re.escape(''.join(REPLACEMENTS))}]")

#: A link, to the next space: what a browser would open must stay as it is. And a name with a
#: capital letter behind its apostrophe.
_KEPT = re.compile(
    r"(?i:[a-z][a-z0-9+.-]*://|www\.|\b[\w-]+(?:\.[\w-]+)+/)\S*"
    r"|\b\w+[\u2018\u2019][A-Z\u00c0-\u00d6\u00d8-\u00de\u0400-\u042f]\w*"
)


def shorten(text: str) -> str:
    """Replace typographic characters where that saves parts.

    Returns:
        The text with plain characters; as it was where it would take as many parts.
    """
    if not _REPLACEABLE.search(text):
        return text
    plain, at = "", 0
    for kept in _KEPT.finditer(text):
        plain += text[at : kept.start()].translate(_TABLE) + kept[0]
        at = kept.end()
    plain += text[at:].translate(_TABLE)
    saves = plain.strip() and count_parts(plain).count < count_parts(text).count
    return plain if saves else text

"""Names of variables that are nearly those of settings. Pure.

In:  an environment's names. Out: what each was meant to be.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence

#: Above this likeness a name starting with SMSQ_ is taken for a misspelt setting.
_TYPO_LIKENESS = 0.85

#: What other services call the sender.
_SENDERS = frozenset({"_SENDER", "_SENDER_ID", "_FROM", "_DEFAULT_SENDER"})
#: How Kubernetes and Docker end the variables that they make of a service's name.
_OF_ORCHESTRATORS = re.compile(r"_(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?)$")


def find_misspelt(names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """Say which names were meant to be settings.

    Args:
        names: Of an environment's variables.
        known: Of all settings.
    """
    settings = set(known)
    for name in sorted(set(names) - settings):
        if name.startswith("SMSQ_") and not _OF_ORCHESTRATORS.search(name):
            near = _find_meant(name, settings)
            if near:
                yield f"{name} is not a setting: write {' or '.join(near)}"


def _find_meant(name: str, known: Iterable[str]) -> Sequence[str]:
    """Find what a name is short for (`SMSQ_RATE`, `SMSQ_REGION`) or nearly like.

    A name unlike any setting is left alone: orchestrators make some, as `SMSQ_PORT_6379_TCP`.
    """
    tail = name.removeprefix("SMSQ")
    if tail in _SENDERS:
        return ["SMSQ_ALPHANAME_ID"]
    short_for = [k for k in known if k.startswith(f"{name}_") or k.endswith(tail)]
    return sorted(short_for) or difflib.get_close_matches(name, known, 1, cutoff=_TYPO_LIKENESS)

"""Reads a call's reference and tags. Pure.

In:  what a caller wrote, and a list that collects mistakes. Out: its own names.
"""

from __future__ import annotations

from smsq.domain.own_names import OwnNames, check_reference, check_tags
from smsq.intake.mistakes import refuse
from smsq.intake.values import read_key
from smsq.mistakes import Mistake, MistakeCode


def read_names(mistakes: list[Mistake], reference: object, tags: object) -> OwnNames:
    """Read a call's own names; what is none counts as left out, with one more mistake."""
    name = read_reference(mistakes, reference)
    try:
        return OwnNames(name, check_tags(tags))
    except ValueError as error:
        mistakes.append(Mistake(str(error), MistakeCode.TAGS_INVALID, "tags"))
    return OwnNames(name)


def check_names(reference: object, tags: object) -> OwnNames:
    """Check a campaign's own names.

    Raises:
        InvalidMessageError: With every mistake found.
    """
    mistakes: list[Mistake] = []
    names = read_names(mistakes, reference, tags)
    refuse(mistakes)
    return names


def read_reference(mistakes: list[Mistake], reference: object) -> str | None:
    """Read a reference alone, as a recipient of a campaign may have one."""
    try:
        return check_reference(read_key(reference))
    except ValueError as error:
        mistakes.append(Mistake(str(error), MistakeCode.REFERENCE_INVALID, "reference"))
    return None

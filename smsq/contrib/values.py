"""Settings that a framework keeps as Python values, written as environment variables are. Pure.

In:  a string, a number, True, a list, a dictionary. Out: the text of docs/settings.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import PurePath


def write_value(value: object) -> str:
    """Write a value as an environment variable has it.

    Raises:
        ValueError: It is of no kind that can be written.
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str | int | float | Decimal | PurePath):
        return str(value)
    if isinstance(value, list | tuple):
        return ",".join(write_value(each) for each in value)
    if isinstance(value, Mapping):
        return ",".join(f"{write_value(name)}={write_value(each)}" for name, each in value.items())
    raise ValueError(f"is {type(value).__name__}: write a string, a number, True, False or a list")

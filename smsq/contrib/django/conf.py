"""`settings.SMSQ`: the settings of smsq in Django's settings.py.

In:  a dictionary with the names of docs/settings.md without `SMSQ_`, and the environment behind it.
Out: `Settings`, or a `ConfigError` with every mistake.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping

from django.conf import settings as django_settings

from smsq.contrib.values import write_value
from smsq.environment.variables import SETTINGS
from smsq.errors import ConfigError
from smsq.settings import Settings

_PREFIX = "SMSQ_"
_KNOWN = {setting.name.removeprefix(_PREFIX) for setting in SETTINGS}

#: What other libraries call it.
_ELSEWHERE = {"SENDER": "ALPHANAME_ID", "FROM": "ALPHANAME_ID"}

_LIKENESS = 0.6


def read_settings() -> Settings:
    """Read `settings.SMSQ`, and the environment for what it leaves out.

    Raises:
        ConfigError: With every mistake found in either.
    """
    return Settings.from_env(read_environ())


def read_environ() -> dict[str, str]:
    """Write `settings.SMSQ` as environment variables, over those that are there.

    Raises:
        ConfigError: A name is not known, or a value is of no kind that can be written.
    """
    given: object = getattr(django_settings, "SMSQ", {})
    if not isinstance(given, Mapping):
        raise ConfigError([f"SMSQ is {type(given).__name__}: write a dictionary"])
    written, mistakes = dict(os.environ), []
    for name, value in given.items():
        if name not in _KNOWN:
            mistakes.append(_say_unknown(str(name)))
        elif value is not None:
            try:
                written[f"{_PREFIX}{name}"] = write_value(value)
            except ValueError as error:
                mistakes.append(f"SMSQ[{name!r}] {error}")
    if mistakes:
        raise ConfigError(mistakes)
    return written


def _say_unknown(name: str) -> str:
    bare = name.upper().removeprefix(_PREFIX)
    meant = [bare] if bare in _KNOWN else _find_near(bare)
    instead = " or ".join(repr(each) for each in meant) or "one of docs/settings.md without SMSQ_"
    return f"SMSQ[{name!r}] is not a setting: write {instead}"


def _find_near(bare: str) -> list[str]:
    """Find what a name is short for (`RATE`, `TOKEN`), is called elsewhere, or is nearly like."""
    if bare in _ELSEWHERE:
        return [_ELSEWHERE[bare]]
    short_for = [k for k in _KNOWN if k.startswith(f"{bare}_") or k.endswith(f"_{bare}")]
    return sorted(short_for) or difflib.get_close_matches(bare, _KNOWN, 1, cutoff=_LIKENESS)

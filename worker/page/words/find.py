"""Words of the page "Find". Pure."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {}

"""Words of the page "Now". Pure."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "now.title": ("Now", "Сейчас"),
    "now.jobs": ("Jobs by state", "Задачи по состояниям"),
}

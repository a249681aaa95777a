"""Texts of messages, from templates that a project may put its own in place of.

In:  a template's name and what it shows. Out: one line of text.
"""

from __future__ import annotations

from typing import Any

from django.template.loader import render_to_string


def write_text(template: str, **shown: Any) -> str:
    """Render a template as a text: without the blanks and line ends around it."""
    return str(render_to_string(template, shown)).strip()

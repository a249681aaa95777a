"""Draws messages a second as bars: SVG, without a library. Pure.

In:  groups of bars. Out: an SVG document that is readable on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

WIDTH, HEIGHT = 720, 300
_LEFT, _TOP, _FLOOR = 20, 50, 250
_COLOURS = ("#1f6feb", "#8c959f", "#bf8700", "#8250df")
_FONT = 'font-family="sans-serif" font-size="12" fill="#1f2328"'


def draw(title: str, groups: Mapping[str, Mapping[str, float]]) -> str:
    """Draw a group of bars for each answer time; every group has the same sides."""
    sides = list(next(iter(groups.values())))
    most = max(value for bars in groups.values() for value in bars.values()) or 1
    group_width = (WIDTH - 2 * _LEFT) / len(groups)
    bar_width = group_width * 0.8 / len(sides)
    parts = [_text(_LEFT, 20, title, "start"), *_legend(sides)]
    for i, (name, bars) in enumerate(groups.items()):
        left = _LEFT + i * group_width + group_width * 0.1
        for n, side in enumerate(sides):
            height = (_FLOOR - _TOP - 20) * bars[side] / most
            x, y = left + n * bar_width, _FLOOR - height
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar_width - 3:.1f}" '
                f'height="{height:.1f}" fill="{_COLOURS[n]}"/>'
            )
            parts.append(_text(x + bar_width / 2, y - 5, f"{bars[side]:,.0f}", "middle"))
        parts.append(_text(left + group_width * 0.4, _FLOOR + 20, name, "middle"))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}"><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    )
    floor = f'<path d="M{_LEFT} {_FLOOR}H{WIDTH - _LEFT}" stroke="#8c959f"/>'
    return "\n".join([head, floor, *parts, "</svg>"]) + "\n"


def _legend(sides: list[str]) -> list[str]:
    parts = []
    for n, side in enumerate(sides):
        x = _LEFT + n * 130
        parts.append(f'<rect x="{x}" y="30" width="10" height="10" fill="{_COLOURS[n]}"/>')
        parts.append(_text(x + 16, 40, side, "start"))
    return parts


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {_FONT}>{escape(words)}</text>'

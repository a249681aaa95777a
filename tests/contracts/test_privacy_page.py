"""docs/privacy.md says of every key whether it holds personal data."""

from __future__ import annotations

import re
from pathlib import Path

from tests.smsq.store.test_lifetimes import NAMED

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")


def test_each_family_of_keys_is_on_the_page_once() -> None:
    part = PAGE.partition("## What is kept where")[2].partition("## Outside")[0]
    cells = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    others = part.partition("All other keys")[2].partition("**")[0]
    named = [name for text in (*cells, others) for name in re.findall(r"`([a-z_]+)`", text)]

    assert sorted(named) == sorted(NAMED)

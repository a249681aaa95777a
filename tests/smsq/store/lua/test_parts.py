"""Of the parts that Lua scripts share, a script gets what it uses."""

from __future__ import annotations

import re

import pytest

from smsq.store.lua.parts import pick, read_definitions
from smsq.store.scripts import _BASE, _PARTS, _source, find_files

SHARED = {*_BASE, *_PARTS, "publish", "rights"}
SCRIPTS = sorted(find_files().keys() - SHARED)

PART = """-- part.lua: a part.
local A, B = 1, 2
local LIST = {
  'a',
}

-- Says it.
local function say(x)
  -- Not this.
  return x .. A -- nor this
end
local function shout(x) return say(x) .. '!' end
local function whisper(x) return LIST[x] end
"""


def pick_text(part: str, user: str) -> list[str]:
    """Pick what the user needs; returns the statements' text."""
    return [one.text for one in pick([*read_definitions(part)], read_definitions(user))]


def test_a_script_gets_what_it_uses_in_the_order_of_the_parts() -> None:
    picked = "".join(pick_text(PART, "return shout('x')"))

    assert re.findall(r"^local (?:function )?(\w+)", picked, re.M) == ["A", "say", "shout"]
    assert "Not this" not in picked
    assert "nor this" not in picked


def test_a_statement_of_several_lines_stays_whole() -> None:
    assert pick_text(PART, "return whisper(1)") == [
        "local LIST = {\n  'a',\n}\n",
        "local function whisper(x) return LIST[x] end\n",
    ]


@pytest.mark.parametrize("name", sorted({*_BASE, *_PARTS}))
def test_parts_hold_definitions_alone(name: str) -> None:
    part = find_files()[name].read_text(encoding="utf-8")

    assert all(one.names for one in read_definitions(part))


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_has_room_for_more_names(name: str) -> None:
    """Lua allows 200; whoever comes near gets no warning."""
    source = _source(name)
    names = sum(
        len(one.names) for one in read_definitions(source.partition("local function run()")[0])
    )

    assert names <= 192

"""A Lua function that one other needs stands inside it, and means what it meant before."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaRuntime

from smsq.store.lua.nesting import Nesting
from smsq.store.lua.parts import read_definitions


def nest(script: str) -> str:
    """Write a script with its functions moved."""
    statements = [*read_definitions(dedent(script))]
    return Nesting(statements).write(0, len(statements))


def test_what_one_function_needs_is_made_when_that_is_called() -> None:
    script = nest("""\
        local function a(x) return x + 1 end
        local function b(x) return a(x) end
        local function c(x) return a(x) + b(x) end
        return c(1)
        """)

    assert script == dedent("""\
        local function c(x)
        local function a(x) return x + 1 end
        local function b(x) return a(x) end
        return a(x) + b(x) end
        return c(1)
        """)


def test_what_two_functions_need_goes_into_the_one_around_both() -> None:
    script = nest("""\
        local function shared() return 1 end
        local function left() return shared() end
        local function right() return shared() end
        local function both() return left() + right() end
        return both()
        """)

    assert script == dedent("""\
        local function both()
        local function shared() return 1 end
        local function left() return shared() end
        local function right() return shared() end
        return left() + right() end
        return both()
        """)


def test_what_a_statement_needs_stays_where_it_is() -> None:
    script = """\
        local function a() return 1 end
        local function b() return a() end
        local X = a()
        return b() + X
        """

    assert nest(script) == dedent(script)


def test_a_function_is_not_moved_before_a_value_that_it_needs() -> None:
    """Its user may be called before; what it would see there is nil."""
    script = nest("""\
        T = {}
        function T.late(f) return f() end
        local LIMIT = 3
        local function a() return LIMIT end
        function T.early() return a() end
        return T.early()
        """)

    assert LuaRuntime().execute(script) == 3


def test_a_name_that_a_users_parameter_hides_keeps_its_meaning() -> None:
    script = nest("""\
        local NAME = 'outside'
        local function say() return NAME end
        local function tell(NAME) return NAME .. say() end
        return tell('inside ')
        """)

    assert LuaRuntime().execute(script) == "inside outside"


def test_a_name_that_is_defined_twice_keeps_both_meanings() -> None:
    script = nest("""\
        local function a() return 1 end
        local function b() return a() end
        local function a() return 2 end
        local function c() return a() * 10 + b() end
        return c()
        """)

    assert LuaRuntime().execute(script) == 21


def test_a_function_with_more_than_lua_allows_around_it_is_left_outside() -> None:
    values = "".join(f"local V{i} = {i}\n" for i in range(70))
    sums = [" + ".join(f"V{i}" for i in range(n, n + 35)) for n in (0, 35)]
    some = "".join(f"local function f{n}() return {text} end\n" for n, text in enumerate(sums))
    script = nest(f"{values}{some}local function all() return f0() + f1() end\nreturn all()\n")

    assert LuaRuntime().execute(script) == sum(range(70))


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """Functions and values that use some of those before them; names may come again."""
    lines: list[str] = []
    names: list[str] = []

    def add_up(argument: str, *hidden: str) -> str:
        some = draw(st.lists(st.sampled_from(names), max_size=3)) if names else []
        calls = [
            f"{name}({argument})" if name[0] == "f" else name for name in some if name not in hidden
        ]
        return " + ".join([str(len(lines)), *calls])

    for _ in range(draw(st.integers(1, 14))):
        name = f"{draw(st.sampled_from('fffv'))}{draw(st.integers(0, 9))}"
        if draw(st.integers(0, 4)) == 0:
            lines.append(f"log[#log + 1] = {add_up('2')}\n")
        elif name[0] == "f":
            hidden = draw(st.sampled_from(["", "v0", "f0", "v1"]))
            head = f"x, {hidden}" if hidden else "x"
            lines.append(f"local function {name}({head}) return {add_up('x', hidden, name)} end\n")
            names.append(name)
        else:
            lines.append(f"local {name} = {add_up('1')}\n")
            names.append(name)
    return f"{''.join(lines)}return {add_up('3')}\n"


@given(scripts())
def test_whatever_is_moved_the_script_answers_the_same(script: str) -> None:
    def run(text: str) -> tuple[object, list[object]]:
        lua = LuaRuntime()
        lua.execute("log = {}")
        return lua.execute(text), list(lua.globals().log.values())

    assert run(nest(script)) == run(script)


@pytest.mark.parametrize("text", ["", "return 1\n"])
def test_a_script_without_functions_stays_as_it_is(text: str) -> None:
    assert nest(text) == text

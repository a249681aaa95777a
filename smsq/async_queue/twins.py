"""Turns the methods of a class whose calls block into methods to be awaited.

In:  a method. Out: one of the same name, arguments and words, which runs it in a thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from smsq.async_queue.breaths import with_breaths
from smsq.async_queue.readers import AsyncRows, Begun
from smsq.async_queue.threads import Threads

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Twin(Protocol):
    """What has such methods.

    Attributes:
        blocking: The object whose methods they run.
        quick: Threads for calls of a round trip or two.
        lengthy: Threads for calls that grow with what they are given.
    """

    blocking: Any
    quick: Threads
    lengthy: Threads


def awaited(
    method: Callable[Concatenate[Any, _P], _R],
) -> Callable[Concatenate[Any, _P], Coroutine[Any, Any, _R]]:
    """Make a method to be awaited of one that takes a round trip or two."""

    @functools.wraps(method)
    async def run(twin: Twin, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        return await twin.quick.run(functools.partial(method, twin.blocking, *args, **kwargs))

    return run


def awaited_long(
    method: Callable[Concatenate[Any, _P], _R],
) -> Callable[Concatenate[Any, _P], Coroutine[Any, Any, _R]]:
    """Make a method to be awaited of one that reads lists; it keeps no quick one waiting."""

    @functools.wraps(method)
    async def run(twin: Twin, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        given = [with_breaths(value) for value in args]
        named = {name: with_breaths(value) for name, value in kwargs.items()}
        return await twin.lengthy.run(functools.partial(method, twin.blocking, *given, **named))

    return run


def streamed(
    method: Callable[Concatenate[Any, _P], Begun[_R]],
) -> Callable[Concatenate[Any, _P], AsyncRows[_R]]:
    """Make a method for `async for` of one that reads row by row."""

    @functools.wraps(method)
    def read(twin: Twin, /, *args: _P.args, **kwargs: _P.kwargs) -> AsyncRows[_R]:
        begin = functools.partial(method, twin.blocking, *args, **kwargs)
        return AsyncRows(twin.lengthy, begin)

    return read

"""The border of the public classes: what is raised there brings no argument along.

In:  a class whose methods callers use. Out: the same class; an exception that leaves one of its
methods shows where it was raised, but no frame of ours holds a text, a phone or a password.

Error trackers send the local variables of every frame along with an exception, and our frames would
hold what the call was given. So their variables are cleared at the border, once for all of them.
A method that takes `**options: Unpack[...]` shows each of them in its signature, and whoever
misspells one hears the method's name.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from functools import wraps
from traceback import clear_frames
from typing import Any, NotRequired, TypeVar, cast, get_args, get_origin, get_type_hints

_C = TypeVar("_C", bound=type)
_Function = Callable[..., Any]
_F = TypeVar("_F", bound=_Function)

_SPECIAL = frozenset(
    {"__init__", "__iter__", "__next__", "__aiter__", "__anext__"}
    | {"__enter__", "__exit__", "__aenter__", "__aexit__"}
)


def guarded(kind: _C) -> _C:
    """Clear the frames behind every public method of a class; a class decorator."""
    for name, value in list(vars(kind).items()):
        if name.startswith("_") and name not in _SPECIAL:
            continue
        if isinstance(value, classmethod):
            setattr(kind, name, classmethod(guard(value.__func__)))
        elif inspect.isfunction(value):
            setattr(kind, name, guard(value))
    return kind


def guarded_function(function: _F) -> _F:
    """Clear the frames behind a public function; a decorator."""
    return cast(_F, guard(function))


def guard(function: _Function) -> _Function:
    """Clear the frames behind one function, generator or coroutine."""
    check = _Options(function) if _taken_options(function) else None
    wrapper: Any = _choose(function)(function, check)
    if check:
        wrapper.__signature__ = check.signature
    return cast(_Function, wrapper)


def clear_failure(failure: BaseException, handled: BaseException | None) -> BaseException:
    """Clear the frames behind an exception, and behind those that led to it.

    Args:
        failure: As it was caught at the border.
        handled: What the caller was handling before the call: that is none of ours.
    """
    chain, todo = set[int](), [failure]
    while todo:
        error = todo.pop()
        if error is handled or id(error) in chain:
            continue
        chain.add(id(error))
        clear_frames(error.__traceback__)
        todo += [one for one in (error.__cause__, error.__context__) if one is not None]
    # Without the border's own frame: it comes back as the exception is raised again.
    behind = failure.__traceback__.tb_next if failure.__traceback__ else None
    return failure.with_traceback(behind)


def _choose(function: _Function) -> Callable[[_Function, _Options | None], _Function]:
    if inspect.isasyncgenfunction(function):
        return _guard_async_generator
    if inspect.iscoroutinefunction(function):
        return _guard_coroutine
    return _guard_generator if inspect.isgeneratorfunction(function) else _guard_call


def _guard_call(function: _Function, check: _Options | None) -> _Function:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        handled = sys.exception()
        try:
            if check:
                check(kwargs)
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            failure = clear_failure(error, handled)
        del args, kwargs
        try:
            raise failure
        finally:
            # A frame that holds its exception is freed by the garbage collector alone.
            del failure, handled

    return call


def _guard_generator(function: _Function, check: _Options | None) -> _Function:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        handled = sys.exception()
        try:
            if check:
                check(kwargs)
            return (yield from function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it is raised again
            failure = clear_failure(error, handled)
        del args, kwargs
        try:
            raise failure
        finally:
            del failure, handled

    return call


def _guard_coroutine(function: _Function, check: _Options | None) -> _Function:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> Any:
        handled = sys.exception()
        try:
            if check:
                check(kwargs)
            return await function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            failure = clear_failure(error, handled)
        del args, kwargs
        try:
            raise failure
        finally:
            del failure, handled

    return call


def _guard_async_generator(function: _Function, check: _Options | None) -> _Function:
    @wraps(function)
    async def call(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        handled = sys.exception()
        inner = None
        try:
            if check:
                check(kwargs)
            inner = function(*args, **kwargs)
            async for item in inner:
                yield item
        except BaseException as error:  # noqa: BLE001 - it is raised again
            failure = clear_failure(error, handled)
        else:
            return
        finally:
            if inner is not None:
                await inner.aclose()
        del args, kwargs, inner
        item = None
        try:
            raise failure
        finally:
            del failure, handled

    return call


def _taken_options(function: _Function) -> str | None:
    """Name the parameter that takes all options, None where a function has none.

    One that takes whatever comes, as a framework's method may, has no options to check.
    """
    found = inspect.signature(function).parameters.values()
    taken = next((one.name for one in found if one.kind is one.VAR_KEYWORD), None)
    return taken if taken and get_args(get_type_hints(function)[taken]) else None


class _Options:
    """Checks options by their names, before a class that the caller never saw does.

    Attributes:
        signature: The function's, with each option as a parameter of its own.
    """

    def __init__(self, function: _Function) -> None:
        self._function = function.__qualname__
        taken = _taken_options(function) or ""
        [kind] = get_args(get_type_hints(function)[taken])
        hints = get_type_hints(kind, include_extras=True)
        # The room that names the options says what is meant without them.
        self._defaults: Mapping[str, Any] = getattr(sys.modules[kind.__module__], "DEFAULTS", {})
        self._names = frozenset(hints)
        self._required = [name for name, hint in hints.items() if _is_required(kind, name, hint)]
        whole = inspect.signature(function)
        named = [one for one in whole.parameters.values() if one.name != taken]
        named += [self._parameter(name, hint) for name, hint in hints.items()]
        self._names |= {one.name for one in named}
        self.signature = whole.replace(parameters=named)

    def __call__(self, options: Mapping[str, Any]) -> None:
        """Refuse an option that the function does not take.

        Raises:
            TypeError: As Python raises it for parameters that are written out.
        """
        for name in options:
            if name not in self._names:
                told = f"{self._function}() got an unexpected keyword argument {name!r}"
                raise TypeError(told)
        for name in self._required:
            if name not in options:
                told = f"{self._function}() missing a required keyword-only argument: {name!r}"
                raise TypeError(told)

    def _parameter(self, name: str, hint: Any) -> inspect.Parameter:
        is_wrapped = get_origin(hint) is NotRequired
        annotation = get_args(hint)[0] if is_wrapped else hint
        default = inspect.Parameter.empty if name in self._required else self._defaults.get(name)
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )


def _is_required(kind: Any, name: str, hint: Any) -> bool:
    return get_origin(hint) is not NotRequired and name in kind.__required_keys__

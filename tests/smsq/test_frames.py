"""What is raised to a web app brings no text, phone or password along: trackers send locals."""

from __future__ import annotations

import asyncio
import inspect
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, cast

import pytest

import smsq
from smsq.frames import guarded
from smsq.settings import Settings
from smsq.store.pool import Pool
from tests.support import free_port

PHONE, DIGITS, TEXT, KEY = "+375 33 765-43-21", "375337654321", "Your code is 4821", "login-8812"
SECRETS = (PHONE, DIGITS, TEXT, KEY, "hunter2")
SOON = datetime.now(UTC) + timedelta(hours=1)
BULK = smsq.BulkMessage(name="Sale", text=TEXT, phones=[PHONE])

Call = Callable[[smsq.SmsQueue], Any]

#: Each public method, with arguments that are right as far as anybody can see.
RIGHT: dict[str, Call] = {
    "send_quick": lambda queue: queue.send_quick(PHONE, TEXT, key=KEY),
    "send_personal": lambda queue: queue.send_personal(PHONE, TEXT, key=KEY),
    "send_quick_many": lambda queue: queue.send_quick_many(
        [smsq.QuickMessage(phone=PHONE, text=TEXT, key=KEY)]
    ),
    "send_bulk": lambda queue: queue.send_bulk([BULK], key=KEY),
    "reschedule": lambda queue: queue.reschedule("j0", SOON),
    "cancel": lambda queue: queue.cancel("j0"),
    "pause": lambda queue: queue.pause("c0"),
    "resume": lambda queue: queue.resume("c0"),
    "campaigns": lambda queue: queue.campaigns(),
    "campaign": lambda queue: queue.campaign("c0"),
    "status": lambda queue: queue.status("j0"),
    "recipients": lambda queue: list(queue.recipients("j0")),
    "failed": lambda queue: list(queue.failed("j0")),
    "events": lambda queue: next(queue.events(group=KEY, consumer="one", block_s=0)),
    "find": lambda queue: queue.find(phone=PHONE),
    "jobs": lambda queue: list(queue.jobs()),
    "stats": lambda queue: queue.stats(),
    "promise": lambda queue: queue.promise(),
    "heartbeat_age_s": lambda queue: queue.heartbeat_age_s(),
    "optout.add": lambda queue: queue.optout.add([PHONE]),
    "optout.remove": lambda queue: queue.optout.remove([PHONE]),
    "optout.phones": lambda queue: list(queue.optout.phones()),
    "optout.count": lambda queue: queue.optout.count(),
    "optout.count_opted_out": lambda queue: queue.optout.count_opted_out([PHONE]),
}
#: Methods that ask nobody.
SILENT = {"close", "from_env", "optout"}

WRONG: dict[str, Call] = {
    "a bad option": lambda queue: queue.send_quick(PHONE, TEXT, key=KEY, expires_in_s=-1),
    "a bad text": lambda queue: queue.send_personal(PHONE, TEXT * 200),
    "no sender": lambda queue: queue.send_quick(PHONE, TEXT, alphaname_id=None),
    "one of many": lambda queue: queue.send_quick_many(
        [smsq.QuickMessage(phone=PHONE, text=TEXT), smsq.QuickMessage(phone="12", text=TEXT)]
    ),
    "a campaign": lambda queue: queue.send_bulk([replace(BULK, phones=[PHONE, PHONE])]),
    "a misspelt option": lambda queue: queue.send_quick(PHONE, TEXT, ttl=300),  # type: ignore[call-arg]
    "too many arguments": lambda queue: cast("Any", queue).send_quick(PHONE, TEXT, KEY),
    "an opt-out": lambda queue: queue.optout.add([PHONE, "12"]),
    "a listing": lambda queue: queue.campaigns(limit=0),
    "an id": lambda queue: queue.status(PHONE),
    "events": lambda queue: queue.events(group=KEY * 100, consumer="one"),
}


def public_methods() -> set[str]:
    queue = {n for n in vars(smsq.SmsQueue) if not n.startswith("_")} - SILENT
    return queue | {f"optout.{n}" for n in vars(smsq.OptOuts) if not n.startswith("_")}


def frames_behind(error: BaseException) -> Iterator[tuple[str, dict[str, Any]]]:
    """All frames but those of this file, as an error tracker walks them."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        traced: TracebackType | None = one.__traceback__
        while traced:
            frame = traced.tb_frame
            if frame.f_code.co_filename != __file__:
                yield f"{frame.f_code.co_filename}:{traced.tb_lineno}", dict(frame.f_locals)
            traced = traced.tb_next
        todo += [e for e in (one.__cause__, one.__context__) if e]


def assert_silent(error: BaseException) -> None:
    frames = list(frames_behind(error))
    assert frames, "the traceback shows where it was raised"
    for place, variables in frames:
        for name, value in variables.items():
            shown = f"{value!r} {value!s}"
            assert not any(secret in shown for secret in SECRETS), f"{place} {name}"
    assert not any(secret in str(error) for secret in SECRETS if secret != KEY)


def raised_by(call: Call, queue: smsq.SmsQueue) -> BaseException:
    try:
        call(queue)
    except BaseException as error:  # noqa: BLE001 - any
        return error
    pytest.fail("nothing was raised")


def test_every_public_method_is_tried_here() -> None:
    assert set(RIGHT) == public_methods()


@pytest.fixture
def away(settings: Settings) -> Iterator[smsq.SmsQueue]:
    url = f"redis://shop:hunter2@127.0.0.1:{free_port()}/0"
    made = smsq.SmsQueue(settings=settings.on_redis(url))
    yield made
    made.close()


@pytest.mark.parametrize("name", RIGHT)
def test_a_redis_that_is_away_shows_nothing(away: smsq.SmsQueue, name: str) -> None:
    error = raised_by(RIGHT[name], away)

    assert isinstance(error, smsq.QueueUnavailableError)
    assert_silent(error)


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", RIGHT)
def test_nor_does_what_nobody_has_foreseen(
    queue: smsq.SmsQueue, name: str, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, connect = threading.current_thread(), Pool.get_connection

    def fail(pool: Pool, *args: Any, **options: Any) -> Any:
        if threading.current_thread() is caller:
            raise kind("broken")
        return connect(pool, *args, **options)

    monkeypatch.setattr(Pool, "get_connection", fail)
    error = raised_by(RIGHT[name], queue)

    assert type(error) is kind
    assert_silent(error)


@pytest.mark.parametrize("name", WRONG)
def test_nor_does_a_call_that_is_wrong(settings: Settings, name: str) -> None:
    sender = "" if name == "no sender" else settings.alphaname_id
    with smsq.SmsQueue(settings=replace(settings, alphaname_id=sender)) as queue:
        error = raised_by(WRONG[name], queue)

    assert isinstance(error, smsq.SmsqError | TypeError)
    assert_silent(error)


def test_nor_does_a_key_that_was_used_for_another_text(queue: smsq.SmsQueue) -> None:
    queue.send_quick(PHONE, "another", key=KEY)

    assert_silent(raised_by(RIGHT["send_quick"], queue))
    assert_silent(raised_by(RIGHT["send_quick_many"], queue))


def test_nor_does_an_address_with_a_password() -> None:
    with pytest.raises(smsq.ConfigError) as caught:
        smsq.SmsQueue("http://shop:hunter2@127.0.0.1:6379/0")
    assert_silent(caught.value)


def test_nor_does_an_app_that_breaks_off_in_the_middle(queue: smsq.SmsQueue) -> None:
    def phones() -> Iterator[str]:
        yield PHONE
        raise RuntimeError("the database is away")

    error = raised_by(lambda q: q.send_bulk([replace(BULK, phones=phones())], key=KEY), queue)

    assert isinstance(error, RuntimeError)
    assert_silent(error)
    shown = "".join(traceback.format_exception(error))
    assert "raise RuntimeError" in shown  # who looks for the bug still sees the line


def test_what_the_app_was_handling_keeps_its_variables(away: smsq.SmsQueue) -> None:
    def of_the_app() -> None:
        kept = "shown"
        raise LookupError(kept)

    def call() -> None:
        try:
            of_the_app()
        except LookupError:
            away.send_quick(PHONE, TEXT)

    with pytest.raises(smsq.QueueUnavailableError) as caught:
        call()
    before = caught.value.__context__
    assert isinstance(before, LookupError)
    assert before.__traceback__
    last = list(traceback.walk_tb(before.__traceback__))[-1][0]
    assert last.f_locals == {"kept": "shown"}


def test_a_subclass_is_guarded_too(settings: Settings) -> None:
    class Shop(smsq.SmsQueue):
        def send_code(self, phone: str, code: str) -> None:
            raise RuntimeError("a bug of the shop")

    with Shop(settings=settings) as queue, pytest.raises(RuntimeError) as caught:
        queue.send_code(PHONE, TEXT)
    assert_silent(caught.value)


def test_a_coroutine_and_an_async_iterator_are_guarded_too() -> None:
    @guarded
    class Later:
        async def send(self, text: str) -> None:
            await asyncio.sleep(0)
            raise RuntimeError("away")

        async def events(self, text: str) -> AsyncIterator[str]:
            yield "one"
            raise RuntimeError("away")

    async def read() -> None:
        async for _ in Later().events(TEXT):
            pass

    for made in (lambda: Later().send(TEXT), read):
        with pytest.raises(RuntimeError) as caught:
            asyncio.run(made())
        assert_silent(caught.value)


#: On a loop `async for` reads these.
READ = {
    "jobs": lambda queue: queue.jobs(tag="shop"),
    "recipients": lambda queue: queue.recipients("j0"),
    "failed": lambda queue: queue.failed("j0"),
    "events": lambda queue: queue.events(group=KEY, consumer="one", block_s=0),
    "optout.phones": lambda queue: queue.optout.phones(),
}


async def fail_on_a_loop(settings: Settings, name: str) -> None:
    async with smsq.AsyncSmsQueue(settings=settings) as queue:
        on_loop: Any = queue
        if name in READ:
            [row async for row in READ[name](on_loop)]
        else:
            await RIGHT[name](on_loop)


@pytest.mark.parametrize("name", RIGHT)
def test_on_an_event_loop_it_shows_nothing_either(away: smsq.SmsQueue, name: str) -> None:
    with pytest.raises(smsq.QueueUnavailableError) as caught:
        asyncio.run(fail_on_a_loop(away.settings, name))
    assert_silent(caught.value)


def test_a_generator_that_is_left_early_is_closed() -> None:
    closed = []

    @guarded
    class Reader:
        def read(self) -> Iterator[int]:
            try:
                yield from range(3)
            finally:
                closed.append(True)

    rows = Reader().read()
    assert next(rows) == 0
    rows.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_a_mistaken_call_is_told_with_the_methods_name(queue: smsq.SmsQueue) -> None:
    untyped: Any = queue
    with pytest.raises(TypeError, match=r"SmsQueue.send_quick\(\) got an unexpected .* 'ttl'"):
        untyped.send_quick(PHONE, TEXT, ttl=300)
    with pytest.raises(TypeError, match=r"SmsQueue.send_bulk\(\) got an unexpected .* 'prio'"):
        untyped.send_bulk([], prio=1)
    with pytest.raises(TypeError, match=r"SmsQueue.events\(\) missing a required .* 'group'"):
        untyped.events(consumer="one")


def test_help_and_autospec_see_each_option() -> None:
    parameters = inspect.signature(smsq.SmsQueue.send_quick).parameters
    assert parameters["priority"].default == "normal"
    assert "options" not in parameters
    events = inspect.signature(smsq.SmsQueue.events).parameters
    assert events["group"].default is inspect.Parameter.empty
    assert events["count"].default == 100

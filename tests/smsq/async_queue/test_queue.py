"""AsyncSmsQueue: SmsQueue's methods, awaited."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import smsq
from smsq.async_queue.threads import Threads
from smsq.rings.breaker import Breaker
from smsq.settings import Settings
from tests.support import RedisServer


def public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(public(smsq.SmsQueue) - {"optout"}), ids=str)
def test_a_method_has_an_async_twin_with_the_same_signature(name: str) -> None:
    blocking, twin = getattr(smsq.SmsQueue, name), getattr(smsq.AsyncSmsQueue, name, None)

    assert twin is not None, f"give AsyncSmsQueue a {name}, or say here why not"
    takes, returns = split(inspect.signature(twin))
    assert takes == split(inspect.signature(blocking))[0]
    if inspect.iscoroutinefunction(twin):
        assert name == "close" or returns == split(inspect.signature(blocking))[1]
    else:
        assert name in {"from_env", "recipients", "failed", "events", "jobs"}


def split(signature: inspect.Signature) -> tuple[list[inspect.Parameter], Any]:
    """What a function takes, but for `self`, and what it returns."""
    return [p for p in signature.parameters.values() if p.name != "self"], (
        signature.return_annotation
    )


def test_the_list_of_opt_outs_has_async_twins() -> None:
    blocking = type(smsq.SmsQueue("redis://127.0.0.1:1").optout)
    for name in public(blocking) - {"store"}:
        twin = getattr(smsq.AsyncOptOuts, name)
        expected = split(inspect.signature(getattr(blocking, name)))
        assert split(inspect.signature(twin))[0] == expected[0]
        assert inspect.iscoroutinefunction(twin) == (name != "phones")


def run(settings: Settings, work: Callable[[smsq.AsyncSmsQueue], Awaitable[None]]) -> None:
    """Run work with a queue, and see that nothing is left behind."""

    async def main() -> None:
        async with smsq.AsyncSmsQueue(settings=settings) as queue:
            await work(queue)

    asyncio.run(main())


def test_it_does_what_the_blocking_queue_does(settings: Settings, queue: smsq.SmsQueue) -> None:
    async def work(on_loop: smsq.AsyncSmsQueue) -> None:
        job = await on_loop.send_quick("+375 29 123-45-67", "code", key="login-1")
        assert job.is_new
        again = queue.send_quick("+375 29 123-45-67", "code", key="login-1")
        assert again == job
        assert not again.is_new
        assert await on_loop.status(job) == queue.status(job)
        assert [row async for row in on_loop.recipients(job)] == [*queue.recipients(job)]
        assert await on_loop.cancel(job) == 1
        assert await on_loop.stats() == queue.stats()

    run(settings, work)


def test_a_campaign_of_a_stream_is_read_in_a_thread(settings: Settings) -> None:
    read_in = set()

    def phones() -> Iterator[str]:
        for n in range(500):
            read_in.add(threading.current_thread().name)
            yield f"37529{1234000 + n}"

    async def work(queue: smsq.AsyncSmsQueue) -> None:
        message = smsq.BulkMessage(name="Sale", text="hi", phones=phones())
        campaign = await queue.send_bulk([message], key="sale")
        assert len([row async for row in queue.recipients(campaign)]) == 500
        personal = smsq.PersonalMessage(name="Bills", texts=[("375291234567", "You owe 5")])
        assert (await queue.send_bulk([personal])).is_new
        assert await queue.optout.add(f"37529{1234000 + n}" for n in range(3)) == 3
        assert await queue.optout.count() == 3
        assert len([phone async for phone in queue.optout.phones()]) == 3

    run(settings, work)
    assert {name.rpartition("_")[0] for name in read_in} == {"smsq-long"}


def test_errors_are_those_of_the_blocking_queue(settings: Settings) -> None:
    async def work(queue: smsq.AsyncSmsQueue) -> None:
        with pytest.raises(smsq.InvalidMessageError) as caught:
            await queue.send_quick("12", "", priority="soon")  # type: ignore[arg-type]
        assert len(caught.value.mistakes) == 3
        with pytest.raises(smsq.NotFoundError, match="jnope"):
            await queue.status("jnope")
        with pytest.raises(smsq.NotFoundError, match="jnope"):
            [row async for row in queue.recipients("jnope")]
        with pytest.raises(smsq.InvalidMessageError, match="phones is str"):
            await queue.send_bulk([smsq.BulkMessage(name="n", text="t", phones="375291234567")])
        with pytest.raises(smsq.InvalidMessageError, match="write a list of messages"):
            await queue.send_bulk(3)  # type: ignore[arg-type]

    run(settings, work)


def test_failed_recipients_are_read_at_once_or_with_what_is_to_know_of_them(
    settings: Settings,
) -> None:
    async def work(queue: smsq.AsyncSmsQueue) -> None:
        message = smsq.BulkMessage(name="Sale", text="hi", phones=["375291234567"])
        campaign = await queue.send_bulk([message])
        await queue.cancel(campaign)
        rows = [row async for row in queue.failed(campaign, cancelled=True)]
        assert rows == [("375291234567", None)]
        reader = await queue.failed(campaign, cancelled=True)
        assert (reader.retryable, reader.no_report, reader.has_texts) == (0, 0, False)
        assert reader.are_texts_gone  # a cancelled job forgets its text
        assert [row async for row in reader] == rows
        with pytest.raises(RuntimeError, match="await"):
            _ = queue.failed(campaign).has_texts

    run(settings, work)


def test_events_come_as_they_happen_and_one_that_was_given_out_is_handled(
    settings: Settings,
) -> None:
    async def work(queue: smsq.AsyncSmsQueue) -> None:
        async with queue.events(group="shop", consumer="a", block_s=0.2) as news:
            first = asyncio.ensure_future(anext(news))
            job = await queue.send_quick("+375291234567", "code")
            await queue.cancel(job)
            seen = [await first]
            seen += [event async for event in news]
        states = [each.new_state for each in seen if isinstance(each, smsq.JobEvent)]
        assert smsq.JobState.CANCELLED in states
        later = queue.events(group="shop", consumer="a", block_s=0)
        assert [event async for event in later] == []

    run(settings, work)


def test_a_wait_for_news_that_is_given_up_loses_none(settings: Settings) -> None:
    async def work(queue: smsq.AsyncSmsQueue) -> None:
        async with queue.events(group="shop", consumer="a") as news:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(news), 0.01)
            job = await queue.send_quick("+375291234567", "code")
            await queue.cancel(job)
            event = await anext(news)
            assert getattr(event, "job_id", None) == job

    run(settings, work)


def test_a_task_of_its_own_settings_keeps_its_context_in_the_thread(settings: Settings) -> None:
    request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id")
    seen = []

    def phones() -> Iterator[str]:
        seen.append(request_id.get())
        yield "375291234567"

    async def work(queue: smsq.AsyncSmsQueue) -> None:
        request_id.set("r1")
        await queue.send_bulk([smsq.BulkMessage(name="n", text="t", phones=phones())])

    run(settings, work)
    assert seen == ["r1"]


@pytest.mark.parametrize("conflicts", [False, True])
def test_a_call_that_is_cancelled_while_it_runs_writes_its_id_to_the_log(
    settings: Settings, queue: smsq.SmsQueue, caplog: pytest.LogCaptureFixture, conflicts: bool
) -> None:
    queue.send_quick("+375291234567", "another code", key="used")
    begun, goes_on = threading.Event(), threading.Event()

    def messages() -> Iterator[smsq.QuickMessage]:
        begun.set()
        goes_on.wait()
        yield smsq.QuickMessage(phone="+375291234567", text="code", key="login-1")
        if conflicts:
            yield smsq.QuickMessage(phone="+375291234567", text="code", key="used")

    async def work(on_loop: smsq.AsyncSmsQueue) -> None:
        call = asyncio.ensure_future(on_loop.send_quick_many(messages()))
        await asyncio.to_thread(begun.wait)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        goes_on.set()

    with caplog.at_level(logging.WARNING):
        run(settings, work)

    job = queue.send_quick("+375291234567", "code", key="login-1")
    assert not job.is_new
    assert f"has stored: {job}" in caplog.text


def test_a_call_that_is_cancelled_before_its_turn_is_not_made(settings: Settings) -> None:
    goes_on = threading.Event()

    async def main() -> None:
        queue = smsq.AsyncSmsQueue(settings=settings, threads=1)
        busy = asyncio.ensure_future(queue.quick.run(goes_on.wait))
        waiting = asyncio.ensure_future(queue.send_quick("+375291234567", "code"))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        goes_on.set()
        await busy
        assert sum((await queue.stats()).jobs.values()) == 0
        await queue.close()

    asyncio.run(main())


def test_several_loops_may_use_one_queue_one_after_the_other(settings: Settings) -> None:
    queue = smsq.AsyncSmsQueue(settings=settings)
    ids = {asyncio.run(send_and_close(queue)) for _ in range(2)}

    assert len(ids) == 2


async def send_and_close(queue: smsq.AsyncSmsQueue) -> smsq.StoredId:
    job = await queue.send_quick("+375291234567", "code")
    await queue.close()
    return job


def test_a_forked_process_has_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async def name_of_thread(threads: Threads) -> int:
        return await threads.run(threading.get_ident)

    async def main() -> None:
        threads = Threads(1, "smsq")
        of_parent = await name_of_thread(threads)
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            assert await name_of_thread(threads) != of_parent
            await threads.close()
        assert await name_of_thread(threads) == of_parent
        await threads.close()

    asyncio.run(main())


def test_an_app_that_starts_with_the_queue_starts_its_threads(settings: Settings) -> None:
    async def main() -> None:
        before = threading.active_count()
        async with smsq.AsyncSmsQueue(settings=settings, threads=5):
            assert threading.active_count() == before + 5
            assert {one.name for one in threading.enumerate()} >= {f"smsq_{n}" for n in range(5)}

    asyncio.run(main())


def test_rows_whose_wait_was_cancelled_come_with_the_next(settings: Settings) -> None:
    async def work(queue: smsq.AsyncSmsQueue) -> None:
        phones = [f"37529{1234000 + n}" for n in range(450)]
        campaign = await queue.send_bulk([smsq.BulkMessage(name="n", text="t", phones=phones)])
        rows: AsyncIterator[smsq.RecipientStatus] = queue.recipients(campaign)
        read = []
        while True:
            try:
                read.append((await asyncio.wait_for(anext(rows), 0.0001)).phone)
            except TimeoutError:
                continue
            except StopAsyncIteration:
                break
        assert sorted(read) == phones

    run(settings, work)


def test_who_waits_for_a_thread_while_redis_falls_silent_is_told_so_at_once() -> None:
    """The first failure frees a thread before the third one opens the breaker."""
    breaker, goes_on = Breaker(60, opens_after=3), threading.Event()
    made: list[str] = []

    def fail() -> None:
        goes_on.wait()
        breaker.fail()

    async def main() -> None:
        threads = Threads(1, "smsq", breaker=lambda: breaker)
        first = asyncio.ensure_future(threads.run(fail))
        waiting = asyncio.ensure_future(threads.run(lambda: made.append("waiting")))
        await asyncio.sleep(0)
        goes_on.set()
        await first
        with pytest.raises(smsq.QueueUnavailableError, match="nothing was stored"):
            await waiting
        await threads.run(lambda: made.append("new"))
        breaker.succeed()
        await threads.close()

    asyncio.run(main())
    assert made == ["new"]


@pytest.mark.real_redis
def test_while_redis_hangs_calls_that_wait_for_a_thread_do_not_wait_for_redis_too(
    tmp_path: Path,
) -> None:
    async def send(queue: smsq.AsyncSmsQueue, n: int) -> smsq.StoredId | Exception:
        try:
            return await queue.send_quick(f"37529{1234000 + n}", "code", key=f"login-{n}")
        except smsq.QueueUnavailableError as error:
            return error

    async def work(queue: smsq.AsyncSmsQueue, server: RedisServer) -> None:
        await send(queue, 0)
        os.kill(server.pid, signal.SIGSTOP)
        try:
            told = await asyncio.gather(*(send(queue, n) for n in range(40)))
        finally:
            os.kill(server.pid, signal.SIGCONT)
        assert all(isinstance(one, smsq.QueueUnavailableError) for one in told)
        # Of 8 threads each waited at most once.
        assert sum("not asked again" in str(one) for one in told) >= 40 - 8
        while not isinstance(await send(queue, 0), str):
            await asyncio.sleep(0.05)
        ids = await asyncio.gather(*(send(queue, n) for n in range(40)))
        assert len({str(one) for one in ids}) == 40
        assert (await queue.stats()).jobs[smsq.JobState.QUEUED] == 40

    with RedisServer(tmp_path) as server:
        environ = {"SMSQ_REDIS_URL": server.url, "SMSQ_ALPHANAME_ID": "123"}
        run(Settings.from_env(environ), lambda queue: work(queue, server))


def test_a_queue_without_a_thread_is_refused_when_it_is_made(settings: Settings) -> None:
    with pytest.raises(smsq.ConfigError, match="threads"):
        smsq.AsyncSmsQueue(settings=settings, threads=0)

"""What an async web app calls: every method of `SmsQueue`, awaited.

In:  messages and ids. Out: ids and statuses.
"""

from __future__ import annotations

import asyncio
from functools import partial
from types import TracebackType
from typing import Self, Unpack

from smsq.async_queue.readers import AsyncEventReader, AsyncFailedReader
from smsq.async_queue.threads import Threads
from smsq.async_queue.twins import awaited, awaited_long, streamed
from smsq.errors import ConfigError
from smsq.events.subscription import EventOptions
from smsq.frames import guarded
from smsq.queue import SmsQueue
from smsq.rings.breaker import breaker_of
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings

#: Longer calls at once: campaigns, lists, rows.
_LENGTHY = 4


@guarded
class AsyncSmsQueue:
    """The queue, seen from a web app on asyncio; make one per process and keep it.

    It has the methods of `SmsQueue`, with the same arguments, results and errors, to be awaited;
    `async for` reads `recipients`, `failed` and `events`. Calls run in threads, where what you hand
    in is read, too: a generator of phones must not touch the loop. Long calls have threads of their
    own, so a code never waits behind a campaign.

    A call that is cancelled before it began stores nothing. One that had begun goes on in its
    thread, and the log has the id of what it stored; repeat it with the same `key` to get that id.

    Any number of event loops may use it. A forked process makes threads and connections of its own.

    Args:
        redis_url: Ledger and broker; None means what `settings` say.
        settings: None means the defaults.
        threads: Short calls at once, 1 or more; others wait for their turn. More only helps where
            Redis is far away.

    Raises:
        ConfigError: `redis_url` is no Redis' address, or there would be no thread.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        settings: Settings | None = None,
        threads: int = 8,
    ) -> None:
        if threads < 1:
            raise ConfigError(["threads: write a whole number, 1 or more"])
        self.blocking = SmsQueue(redis_url, settings=settings)
        self.settings = self.blocking.settings
        breaker = partial(breaker_of, self.settings.redis_url)
        self.quick = Threads(threads, "smsq", breaker=breaker)
        self.lengthy = Threads(_LENGTHY, "smsq-long", breaker=breaker)

    @classmethod
    def from_env(cls, *, needs_sender: bool = False) -> Self:
        """Make a queue from the `SMSQ_...` variables, as `SmsQueue.from_env` does."""
        return cls(settings=Settings.from_env(needs_sender=needs_sender))

    send_quick = awaited(SmsQueue.send_quick)
    send_personal = awaited(SmsQueue.send_personal)
    send_quick_many = awaited_long(SmsQueue.send_quick_many)
    send_bulk = awaited_long(SmsQueue.send_bulk)
    reschedule = awaited(SmsQueue.reschedule)
    cancel = awaited(SmsQueue.cancel)
    pause = awaited(SmsQueue.pause)
    resume = awaited(SmsQueue.resume)
    campaigns = awaited(SmsQueue.campaigns)
    campaign = awaited(SmsQueue.campaign)
    status = awaited(SmsQueue.status)
    stats = awaited(SmsQueue.stats)
    promise = awaited(SmsQueue.promise)
    heartbeat_age_s = awaited(SmsQueue.heartbeat_age_s)
    find = awaited(SmsQueue.find)
    jobs = streamed(SmsQueue.jobs)
    recipients = streamed(SmsQueue.recipients)

    def failed(
        self,
        some_id: str,
        *,
        cancelled: bool = False,
        no_report: bool = False,
        whole_job: bool = False,
        by: str | None = None,
    ) -> AsyncFailedReader:
        """Read the recipients of a job or campaign that got nothing, as `SmsQueue.failed` does.

        Awaited, it has the attributes of `FailedReader`, too.
        """
        return AsyncFailedReader(
            self.lengthy,
            lambda: self.blocking.failed(
                some_id, cancelled=cancelled, no_report=no_report, whole_job=whole_job, by=by
            ),
        )

    def events(self, **options: Unpack[EventOptions]) -> AsyncEventReader:
        """Read each change of a job's or a recipient's state, as `SmsQueue.events` does."""
        return AsyncEventReader(lambda: self.blocking.events(**options), options.get("block_s"))

    @property
    def optout(self) -> AsyncOptOuts:
        """The phones that take no messages; urgent ones they still get."""
        return AsyncOptOuts(self)

    async def close(self) -> None:
        """Wait for the calls that were begun, and give the connections back."""
        for threads in (self.quick, self.lengthy):
            await threads.close()
        await asyncio.to_thread(self.blocking.close)

    async def __aenter__(self) -> Self:
        await self.quick.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None
    ) -> None:
        await self.close()


@guarded
class AsyncOptOuts:
    """The list of phones that take no messages, as `OptOuts` has it.

    Args:
        queue: Whose list.
    """

    def __init__(self, queue: AsyncSmsQueue) -> None:
        self.blocking = queue.blocking.optout
        self.quick, self.lengthy = queue.quick, queue.lengthy

    add = awaited_long(OptOuts.add)
    remove = awaited_long(OptOuts.remove)
    phones = streamed(OptOuts.phones)
    count = awaited(OptOuts.count)
    count_opted_out = awaited_long(OptOuts.count_opted_out)

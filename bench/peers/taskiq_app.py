"""taskiq as its users write it: a list in Redis as broker, aiohttp, no results.

In:  a phone and a text. Out: one request.

The list is taskiq's fastest broker; a message that a killed worker had in hand is lost with it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any

import aiohttp
from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker


async def open_session(state: TaskiqState) -> None:
    """Give the worker one session for all its tasks."""
    state.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))


async def close_session(state: TaskiqState) -> None:
    """Close it."""
    await state.session.close()


async def send(to: str, text: str, context: Annotated[Context, TaskiqDepends()]) -> None:
    """Send one SMS."""
    async with context.state.session.post(
        os.environ["SMSQ_GATEWAY_URL"] + "/api/v1/sendQuickSMS",
        params={
            "token": os.environ["SMSQ_GATEWAY_TOKEN"],
            "message": text,
            "phone": to,
            "alphaname_id": "123",
        },
    ) as answer:
        answer.raise_for_status()
        await answer.json()


def make_broker(url: str) -> tuple[Any, Callable[..., Any]]:
    """Make a broker, and the task as its callers call it."""
    made = ListQueueBroker(url)
    made.add_event_handler(TaskiqEvents.WORKER_STARTUP, open_session)
    made.add_event_handler(TaskiqEvents.WORKER_SHUTDOWN, close_session)
    task = made.register_task(send, task_name="send")
    return made, task.kiq


broker, _ = make_broker(os.environ.get("TASKIQ_BROKER_URL", "redis://127.0.0.1:1/0"))

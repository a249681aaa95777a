"""The worker's threads for tasks: some for rings, and two that are always free for beat's ticks.

In:  tasks from Celery. Out: the same tasks, run in the right threads.

The task of a job rung alone waits until its request is answered, so all threads may be waiting. A
tick must not stand behind them: it finds the due and the lost. Requests have threads of their own,
see tasks/engine.py.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.concurrency import thread
from celery.concurrency.base import apply_target

from smsq.names import Task
from tasks.current_engine import close_engine
from worker.rings_at_hand import rings_at_hand

TICKS = frozenset({Task.RECOVER, Task.POLL_DELIVERIES})
_TICK_THREADS = 2

#: What Celery asks for a task's end; its type stubs leave it out.
_Result: Any = vars(thread)["ApplyResult"]


class TaskPool(thread.TaskPool):
    """Celery's thread pool, with threads of their own for ticks, that counts rings at hand."""

    executor: ThreadPoolExecutor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._ticks = ThreadPoolExecutor(max_workers=_TICK_THREADS)

    def on_stop(self) -> None:
        """Let the tasks at hand end, and the requests."""
        self._ticks.shutdown()
        super().on_stop()
        close_engine()

    def on_apply(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
        callback: Callable[..., Any] | None = None,
        accept_callback: Callable[..., Any] | None = None,
        **_: Any,
    ) -> Any:
        """Run a task; Celery puts its name first among `args`."""
        task = (target, args, kwargs, callback, accept_callback)
        if args and args[0] in TICKS:
            return _Result(self._ticks.submit(apply_target, *task))
        rings_at_hand.add(1)
        return _Result(self.executor.submit(_begin, *task))


def _begin(*task: Any) -> None:
    rings_at_hand.add(-1)
    apply_target(*task)

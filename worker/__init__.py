"""The processes: a Celery app (`celery -A worker ...`) for worker, beat, Flower; the receiver.

In:  the environment. Out: running processes.
Never: a step of a task; those are in `tasks/`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker.app import app

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    """Make the app when it is asked for: a health check, every 30 s, needs no Celery.

    Celery asks for `celery` where `app` is the module of that name, imported before.
    """
    if name not in {"app", "celery"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals().setdefault("celery", import_module("worker.app").app)

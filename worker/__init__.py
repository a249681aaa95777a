"""The processes: a Celery app (`celery -A worker ...`) for worker, beat, Flower; the receiver.

In:  the environment. Out: running processes.
Never: a step of a task; those are in `tasks/`.
"""

from worker.app import app

__all__ = ["app"]

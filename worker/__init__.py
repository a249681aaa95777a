"""The processes we start: the Celery app (`celery -A worker ...`) and the web receiver.

In:  the environment. Out: running processes; everything that composes stands here.
"""

from worker.app import app

__all__ = ["app"]

"""Logging of the processes: one line per step, readable at night, without phones or texts.

In:  nothing. Out: a `dictConfig` mapping.
"""

from __future__ import annotations

from typing import Any

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)-7s %(name)s %(message)s"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        # "Task received" and "succeeded" double our own lines.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # Beat says every tick.
        "celery.beat": {"level": "WARNING"},
        # Every request line would hold what the log must not: see smsq/gateway/client.py.
        "urllib3": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
    },
}

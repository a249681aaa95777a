"""How processes log: which loggers say how much, and in which form.

In:  a form and a level. Out: a mapping for `dictConfig`.
"""

from __future__ import annotations

import logging
from typing import Any, TextIO

from config.json_lines import JsonFormatter
from config.log_filters import Plain, Repeats, Terse, TerseOfBroker, TerseOfRedis
from config.scrub import scrub
from smsq.names import LogLevel


class TextFormatter(logging.Formatter):
    """Writes records as lines that people read; what nobody may see is taken out."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line, and the traceback below it."""
        return scrub(super().format(record), record.name)


#: Loggers of Celery's and kombu's that tell of each thing a lost connection leaves undone.
_OF_THE_BROKER = (
    *("celery.worker.request", "celery.worker.loops", "celery.worker.pidbox"),
    *("kombu.asynchronous.hub", "kombu.asynchronous.timer"),
)

_OPTIONS: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "terse": {"()": Terse},
        "terse from INFO": {"()": Terse, "least": logging.INFO},
        "terse of Redis": {"()": TerseOfRedis},
        "terse of upkeep": {"()": TerseOfRedis, "waits": "Celery's own queues are kept up later"},
        "terse of the broker": {"()": TerseOfBroker},
        "repeats": {"()": Repeats},
        "plain": {"()": Plain},
    },
    "formatters": {
        "text": {
            "()": TextFormatter,
            "fmt": "%(asctime)s %(levelname)-7s %(name)s %(message)s",
        },
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "text", "filters": ["repeats"]},
    },
    "root": {"level": "INFO", "handlers": ["stderr"]},
    "loggers": {
        # "Task received" and "succeeded" double our own lines.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING", "filters": ["terse of Redis"]},
        # Each second it writes to what Redis keeps of queues that expire, as those of commands do.
        "kombu.transport.redis": {"filters": ["terse of upkeep"]},
        # Beat says every tick, and a page of traceback for each that the broker did not take.
        "celery.beat": {"level": "WARNING", "filters": ["terse"]},
        "celery.worker.consumer.consumer": {"filters": ["terse"]},
        **{name: {"filters": ["terse of the broker"]} for name in _OF_THE_BROKER},
        # "Connected" to a Redis that then refuses, time and again.
        "celery.worker.consumer.connection": {"filters": ["terse from INFO"]},
        # Every request line would hold what the log must not: see smsq/gateway/client.py.
        "urllib3": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "uvicorn.error": {"filters": ["plain"]},
        # A start of its own says "all alone", as if others were missed.
        "celery.worker.consumer.mingle": {"level": "WARNING"},
    },
}

#: What never says more, at any level: lines with the signatures of receipts, Flower's settings with
#: the key of its cookies, pages about each task's source, a Redis that lacks what nobody needs.
_NEVER_LOUDER = {
    "uvicorn.access": logging.WARNING,
    "flower.command": logging.INFO,
    "celery.utils.functional": logging.INFO,
    "redis.connection": logging.INFO,
}


def logging_options(level: LogLevel = LogLevel.INFO) -> dict[str, Any]:
    """Give the options of logs as text.

    Args:
        level: From which on lines are written. At `debug` the libraries say all they have to say,
            too; above `info` those that say less stay as they are.
    """
    options = {**_OPTIONS, "root": {**_OPTIONS["root"], "level": level.upper()}}
    if level is LogLevel.INFO:
        return options
    least = getattr(logging, level.upper())
    raised = {name: {**own, "level": least} for name, own in _OPTIONS["loggers"].items()}
    kept = {
        name: {**raised.get(name, {}), "level": max(least, own)}
        for name, own in _NEVER_LOUDER.items()
    }
    return {**options, "loggers": raised | kept}


def as_json(options: dict[str, Any], formatter: JsonFormatter, stream: TextIO) -> dict[str, Any]:
    """Have the same lines be JSON, written to a stream."""
    handler = {**options["handlers"]["stderr"], "formatter": "json", "stream": stream}
    return {
        **options,
        "formatters": {"json": {"()": lambda: formatter}},
        "handlers": {"stderr": handler},
    }

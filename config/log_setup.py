"""Sets up a process' log, as SMSQ_LOG and SMSQ_LOG_LEVEL say.

In:  what the process is, and the environment. Out: lines on stderr.

JSON begins with a process' first line, and so before its settings are checked: whoever reads the
log of one that does not start reads JSON, too.
"""

from __future__ import annotations

import logging.config
import os
from collections.abc import Mapping
from typing import Any

from config.json_lines import JsonFormatter
from config.logs import as_json, logging_options
from config.streams import take_streams, take_what_is_raised
from smsq.environment.event_variables import LOG_SETTINGS
from smsq.names import LogForm, LogLevel

#: Where Flower, which sets a level of its own, looks for it.
_FLOWER_LEVEL = "FLOWER_LOGGING"

#: Of every line of this process.
_constants: dict[str, str] = {}


def begin(process: str) -> None:
    """Have all that a process says be JSON from now on, where it is to; text begins later.

    Args:
        process: worker, beat, web, flower or up.
    """
    _constants["process"] = process
    if process == "flower":
        os.environ.setdefault(_FLOWER_LEVEL, read_settings()[1])
        # At DEBUG it tells the key that signs its cookies.
        logging.getLogger("flower.command").setLevel(logging.INFO)
    if is_json():
        take_what_is_raised()
        set_up()


def set_up(*, worker: str = "") -> None:
    """Log as the settings say.

    Args:
        worker: A worker's own name, as Celery and Flower know it.
    """
    if worker:
        _constants["worker"] = worker
    logging.config.dictConfig(find_options())


def find_options() -> dict[str, Any]:
    """Give the options for `dictConfig` that this process logs with."""
    form, level = read_settings()
    options = logging_options(level)
    if form is LogForm.TEXT:
        return options
    formatter = JsonFormatter(**_constants)
    return as_json(options, formatter, take_streams(formatter))


def is_json() -> bool:
    """Say whether this process logs JSON."""
    return read_settings()[0] is LogForm.JSON


def read_settings(environ: Mapping[str, str] = os.environ) -> tuple[LogForm, LogLevel]:
    """Read what is set about logs; `load_settings` ends the process for what is none."""
    found: list[Any] = []
    for setting in LOG_SETTINGS:
        try:
            found.append(setting.parse(environ.get(setting.name, "").strip() or setting.default))
        except ValueError:
            found.append(setting.parse(setting.default))
    form, level = found
    return form, level

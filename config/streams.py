"""stdout and stderr of a process that logs JSON: what is printed becomes lines of the log.

In:  what Celery, click or Python itself print: banners, mistakes, what is raised and caught by
nobody. Out: one JSON object for each line. What is logged does not come through here.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

#: A line that nobody ends is written once it is so long.
MOST_BUFFERED = 64 * 1024

#: What a line begins with that is an object already: a child's, which `smsq up` passes on.
_OBJECT = '{"ts": "'

_log = logging.getLogger("python")


class LineStream(io.TextIOBase):
    """A text stream that writes each line as JSON.

    Args:
        raw: Where the lines go.
        logger: What they are said by, and how loudly.
        formatter: Makes a line of a record.
    """

    def __init__(self, raw: TextIO, logger: str, level: int, formatter: logging.Formatter) -> None:
        super().__init__()
        self.raw = raw
        self._logger, self._level, self._formatter = logger, level, formatter
        self._pending = ""
        # A signal's handler may print in the middle of a print.
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What readers may count on."""
        return "utf-8"

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def fileno(self) -> int:
        """Give the file behind it."""
        return self.raw.fileno()

    def write(self, text: str) -> int:
        """Write what is whole of it."""
        with self._lock:
            *lines, self._pending = (self._pending + text).split("\n")
            for line in lines:
                self._write_line(line)
            if len(self._pending) > MOST_BUFFERED:
                self.flush()
        return len(text)

    def flush(self) -> None:
        """Write the rest, too."""
        with self._lock:
            rest, self._pending = self._pending, ""
            self._write_line(rest)

    def _write_line(self, line: str) -> None:
        shown = line.rstrip()
        if not shown:
            return
        if not (shown.startswith(_OBJECT) and shown.endswith("}")):
            level = logging.getLevelName(self._level)
            about = {"name": self._logger, "levelno": self._level, "levelname": level}
            shown = self._formatter.format(logging.makeLogRecord({**about, "msg": shown}))
        self.raw.write(f"{shown}\n")
        self.raw.flush()


def take_streams(formatter: logging.Formatter) -> TextIO:
    """Have all that is printed from now on be JSON; returns the stderr that it goes to."""
    out, error = (s.raw if isinstance(s, LineStream) else s for s in (sys.stdout, sys.stderr))
    sys.stdout = LineStream(out, "stdout", logging.INFO, formatter)
    sys.stderr = LineStream(error, "stderr", logging.ERROR, formatter)
    return error


def take_what_is_raised() -> None:
    """Log what nobody catches, and warnings, as one line each."""
    logging.captureWarnings(True)
    sys.excepthook = _tell
    threading.excepthook = _tell_of_thread
    sys.unraisablehook = _tell_unraisable


def _tell(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _log.critical("nobody caught %s", kind.__name__, exc_info=(kind, error, traceback))


def _tell_of_thread(args: Any) -> None:
    if args.exc_type is SystemExit:
        return
    name = args.thread.name if args.thread else "that is gone"
    told = (args.exc_type, args.exc_value, args.exc_traceback)
    _log.error("nobody caught %s in thread %s", args.exc_type.__name__, name, exc_info=told)


def _tell_unraisable(args: Any) -> None:
    told = (args.exc_type, args.exc_value, args.exc_traceback)
    what = args.err_msg or "Exception ignored"
    _log.error("%s in a %s", what, type(args.object).__name__, exc_info=told)

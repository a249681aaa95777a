"""Child processes that end with their parent, whatever ends it.

In:  signals, a parent that is killed. Out: an orderly end; nothing is left running.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

#: Asks the process to end: a supervisor, Ctrl-C, a terminal that is closed.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_PR_SET_PDEATHSIG = 1


def die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Make what a child runs before its program, so that the kernel signals it when we are gone.

    Only Linux can; None elsewhere. To be used from the main thread: the kernel means the thread.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return ask_the_kernel


class Ended(SystemExit):
    """The process was asked to end; what is open is closed on the way out."""


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Have the signals that end a process leave the block like an exception, once.

    A signal that was ignored at the start, as by nohup, stays ignored.
    """
    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]

    def leave(number: int, _: object) -> None:
        for each in ours:
            signal.signal(each, signal.SIG_IGN)
        raise Ended(128 + number)

    for each in ours:
        signal.signal(each, leave)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, before[each])


def end_together(processes: Iterable[subprocess.Popen[Any]], within_s: float) -> None:
    """Ask processes to end, all at once, and wait for them.

    Args:
        processes: Those that have ended already do no harm.
        within_s: Seconds that all of them have together; who takes longer is killed.
    """
    running = list(processes)
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    until_s = time.monotonic() + within_s
    for process in running:
        try:
            process.wait(max(0.1, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

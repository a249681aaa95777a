"""Serves the admin side beside the receiver, in a thread with a loop of its own.

In:  settings. Out: a listening server for as long as the block runs.

A page that takes its time does not hold up a receipt: the receiver has the other loop.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import uvicorn

from config.log_setup import find_options
from smsq.environment.page.listen import Listen
from smsq.settings import Settings
from worker.page.app import make_app
from worker.page.frame import Page, Services
from worker.page.pages import PAGES

log = logging.getLogger(__name__)

#: Connections at once; more are answered 503. With those of the receiver they are as many as most
#: systems give a process files.
_MOST_CONNECTIONS = 200

#: Longer than the pause of a page that asks again.
_KEEP_ALIVE_S = 15

_STOP_S = 3
_THREAD = "admin"
_EXIT_IN_USE = 1


def bind(listen: Listen) -> socket.socket:
    """Take the address, or end the process with what to write instead; exit code 1: it may pass."""
    try:
        family, kind, *_, address = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(128)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        sys.stderr.write(
            f"smsq: cannot listen on {listen} ({error.strerror}): set another SMSQ_ADMIN_LISTEN, "
            "as in 127.0.0.1:8082; each smsq web of a machine needs its own, port 0 takes any\n"
        )
        sys.exit(_EXIT_IN_USE)
    return bound


def _is_no_chatter(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn says of the second server: the receiver's lines say it already."""
    return record.threadName != _THREAD or record.levelno > logging.INFO


@contextmanager
def admin_at_work(
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    pages: Sequence[Page] = PAGES,
) -> Iterator[int]:
    """Serve the admin side during the block; its port is handed in."""
    bound = bind(settings.admin_listen)
    port = int(bound.getsockname()[1])
    services = Services.build(settings, environ)
    logging.getLogger("uvicorn.error").addFilter(_is_no_chatter)
    config = uvicorn.Config(
        make_app(services, pages),
        log_config=find_options(),
        # Addresses hold ids and references.
        access_log=False,
        server_header=False,
        lifespan="off",
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([bound],), name=_THREAD, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    is_open = settings.web_readers or settings.web_operators
    page = "the page" if is_open else "no page (SMSQ_WEB_READERS is not set)"
    log.info("admin: %s, /metrics and /healthz on http://%s", page, settings.admin_listen)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(_STOP_S + 1)
        bound.close()
        services.close()

"""Whether `smsq web` lives, as doctor tells it.

In:  settings. Out: a check, none where no web is needed. The bare answer is enough: no login.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

from smsq.operate.checks import Check, Mark
from smsq.settings import Settings

_TIMEOUT_S = 2.0

#: An answer of ours is shorter.
_MOST_BYTES = 10_000

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing listens here


def check_web(settings: Settings) -> Iterator[Check]:
    """Ask the admin side of `smsq web` whether it lives, and in which version."""
    listen = settings.admin_listen
    if not listen.port:
        return
    host = _ANY_ADDRESS.get(listen.host, listen.host)
    connection = http.client.HTTPConnection(host, listen.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        said = connection.getresponse().read(_MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        if settings.callback_url or settings.webhook_url:
            detail = f"no answer at {listen} ({type(error).__name__})"
            fix = "start it (smsq web); if it runs on another host, run this there"
            yield Check("web", Mark.WARNING, detail, fix)
        return
    finally:
        connection.close()
    version = read_version(said)
    yield Check(
        "web", Mark.OK, f"answers at {listen}" + (f", version {version}" if version else "")
    )


def read_version(said: bytes) -> str:
    """Read the version from a detailed answer; empty where whoever asks gets no details. Pure."""
    try:
        document = json.loads(said)
    except ValueError:
        return ""
    found = document.get("version") if isinstance(document, dict) else None
    return found if isinstance(found, str) and found.isprintable() else ""

"""Who may open Flower, and what it may do: settings that hold however it is started by `smsq`.

In:  the environment and arguments of `smsq flower`. Out: Flower's own settings in the environment,
or what is missing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import flower
from flower.views import BaseHandler
from flower.views.monitor import Metrics
from tornado.template import filter_whitespace
from tornado.web import authenticated

from worker.page.headers import HEADERS

#: A stopped worker leaves Flower's list after ten minutes: each restart brings a new name.
#: Nothing of smsq needs Flower's buttons, and one of them stops workers.
DEFAULTS: Mapping[str, str] = {
    "FLOWER_READ_ONLY": "true",
    "FLOWER_PURGE_OFFLINE_WORKERS": "600",
}

_TEMPLATES = Path(flower.__file__).parent / "templates"

#: Flower's one script within a page says whether that asks again: `{{ autorefresh }}` is 0 or 1.
_SCRIPT = re.compile(r"<script(?![^>]*\bsrc)[^>]*>(.*?)</script>", re.DOTALL)
_VALUE, _VALUES = re.compile(r"\{\{ *autorefresh *\}\}"), ("0", "1")

_PASSWORD_OPTIONS = {"basic_auth", "auth"}


def has_password(environ: Mapping[str, str], options: Collection[str]) -> bool:
    """Say whether Flower will ask who comes.

    Args:
        environ: Where FLOWER_BASIC_AUTH is `user:password`, or several with commas between.
        options: Names of Flower's options on the command line; these count unseen.
    """
    if _PASSWORD_OPTIONS & {name.lstrip("-").replace("-", "_") for name in options}:
        return True
    pairs = [pair.partition(":") for pair in environ.get("FLOWER_BASIC_AUTH", "").split(",")]
    return all(user.strip() and password.strip() for user, _, password in pairs)


def close(environ: MutableMapping[str, str]) -> None:
    """Set what is not set; have /metrics ask for the password as pages do, and all send headers."""
    for name, value in DEFAULTS.items():
        environ[name] = environ.get(name) or value
    Metrics.get = authenticated(Metrics.get)
    BaseHandler.set_default_headers = _with_headers(BaseHandler.set_default_headers)


def _with_headers(set_theirs: Any) -> Any:
    """Have pages not framed or kept, and nothing run in them but Flower's own scripts."""
    hashes = " ".join(f"'sha256-{one}'" for one in sorted(set(hash_scripts())))
    headers = HEADERS | {
        "Content-Security-Policy": "; ".join(
            (
                f"default-src 'none'; script-src 'self' {hashes}".rstrip(),
                "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'",
                "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            )
        ),
        "Cache-Control": "no-store",
    }

    def set_default_headers(handler: BaseHandler) -> None:
        set_theirs(handler)
        for name, value in headers.items():
            handler.set_header(name, value)

    return set_default_headers


def hash_scripts() -> Iterator[str]:
    """Hash the scripts that stand within Flower's pages, as they are sent."""
    for path in _TEMPLATES.glob("*.html"):
        for script in _SCRIPT.findall(path.read_text(encoding="utf-8")):
            for value in _VALUES:
                sent = filter_whitespace("single", _VALUE.sub(value, script))
                yield base64.b64encode(hashlib.sha256(sent.encode()).digest()).decode()

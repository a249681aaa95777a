"""Templates and the two static files.

In:  a template's name and values. Out: HTML, escaped; who sees it is filled in afterwards.

What differs from viewer to viewer of one page is their name and their session's token. Both are put
in where a mark stands, so that the rest can be rendered once for all of them.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import escape

from smsq.access.sessions import Session
from worker.page.language import Language

_FOLDER = Path(__file__).parent

#: Nobody can write them into a name or a job.
_TOKEN, _NAME = (f"mark-{secrets.token_hex(16)}" for _ in range(2))

_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

#: File to its bytes and its type.
STATIC: Mapping[str, tuple[bytes, str]] = {
    path.name: (path.read_bytes(), _KINDS[path.suffix])
    for path in sorted((_FOLDER / "static").iterdir())
    if path.suffix in _KINDS
}

#: Browsers ask anew for what has changed.
VERSION = hashlib.sha256(b"".join(body for body, _ in STATIC.values())).hexdigest()[:10]

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals["version"] = VERSION


def render(template: str, language: Language, values: Mapping[str, Any]) -> str:
    """Render a page with marks in it; see `fill`."""
    told = {"l": language, "t": language.say, "token": _TOKEN, "user_name": _NAME}
    return _ENVIRONMENT.get_template(template).render({**told, **values})


def fill(page: str, session: Session | None) -> str:
    """Fill in who sees it."""
    if session is None:
        return page
    return page.replace(_TOKEN, session.token).replace(_NAME, str(escape(session.user.name)))

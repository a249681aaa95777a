"""Who may: the one way in for every page and every button.

In:  a request. Out: the session it belongs to, and whether a posted form is really that session's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from smsq.access.attempts import Attempts
from smsq.access.logins import Answer, Logins, by_name
from smsq.access.sessions import Session, Sessions
from smsq.environment.page.users import WebUser
from worker.page.frame import Services

log = logging.getLogger(__name__)

_MOST_FORM_BYTES, _MOST_FIELDS = 64 * 1024, 200


@dataclass(frozen=True, slots=True)
class Gate:
    """Knows users and sessions; one for the process.

    Attributes:
        users: By name in lower case; nobody: nothing is served.
        mark: Ends the names of cookies: browsers give those of one host to all its ports, and other
            installations may be there.
    """

    users: Mapping[str, WebUser]
    sessions: Sessions
    logins: Logins
    mark: str

    @classmethod
    def build(cls, services: Services) -> Self:
        """Build from settings."""
        settings, keys = services.settings, services.scripts.keys
        users = by_name([*settings.web_readers, *settings.web_operators])
        return cls(
            users,
            Sessions(services.redis, keys, users),
            Logins(Attempts(services.scripts), users),
            hashlib.sha256(settings.namespace.encode()).hexdigest()[:6],
        )

    async def find_session(self, request: Request) -> Session | None:
        """Find whose request it is; None for nobody's.

        Raises:
            RedisError: The key that signs sessions could not be read, and never was.
        """
        cookie = request.cookies.get(self.cookie("session"), "")
        if not cookie:
            return None
        if self.sessions.is_due:
            try:
                await run_in_threadpool(self.sessions.look)
            except RedisError:
                if not self.sessions.has_key:
                    raise
        return self.sessions.read(cookie)

    async def log_in(self, request: Request, name: str, password: str) -> Answer:
        """Try to log in by the form."""
        known = request.cookies.get(self.cookie("browser"), "")
        browser = self.sessions.read_browser(known, name) if known else None
        address = address_of(request)
        return await run_in_threadpool(self.logins.log_in, name, password, address, browser)

    async def check_basic(self, request: Request) -> Answer:
        """Look at the name and password of a program, as Prometheus sends them each time."""
        kind, _, packed = request.headers.get("authorization", "").partition(" ")
        try:
            pair = base64.b64decode(packed, validate=True).decode() if kind == "Basic" else ""
        except (binascii.Error, ValueError):
            pair = ""
        name, colon, password = pair.partition(":")
        if not colon:
            return Answer()
        return await run_in_threadpool(self.logins.check, name, password, address_of(request))

    def keep(self, request: Request, answer: Response, what: str, value: str, for_s: int) -> None:
        """Give a cookie to the browser, for this site alone and for no script."""
        answer.set_cookie(
            self.cookie(what),
            value,
            max_age=for_s,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )

    def cookie(self, what: str) -> str:
        """Name a cookie of this installation's."""
        return f"smsq_{what}_{self.mark}"


def address_of(request: Request) -> str:
    """Say where a request comes from; behind a proxy on this machine, by what that says."""
    return request.client.host if request.client else ""


def is_same_origin(request: Request) -> bool:
    """Say whether a form was posted from a page of ours, as far as the browser tells. Pure."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site not in {None, "same-origin"}:
        return False
    # Not the scheme: a proxy may have ended TLS without saying so.
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def is_of(session: Session, form: Mapping[str, str]) -> bool:
    """Say whether a form was on a page of this session's. Pure."""
    token = form.get("token", "")
    return token.isascii() and hmac.compare_digest(token, session.token)


async def read_form(request: Request) -> dict[str, str] | None:
    """Read a posted form; None for what is none, or too large."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FORM_BYTES:
            return None
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    return dict(pairs)

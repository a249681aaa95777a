"""Sessions of the operators' page: signed, so that every process of an installation knows them.

In:  a user who logged in, later the cookie. Out: the cookie's value, later who and until when.

The key is in Redis. A session ends with its time, with a logout, and when its user's password is
changed or its user is taken out of the settings.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis

from smsq.environment.page.users import WebUser
from smsq.store.keys import Keys

#: A shift, and a bit.
SESSION_S = 12 * 3600
#: A browser that logged in is known for so long.
BROWSER_S = 90 * 86_400

#: How long a logout in another process may go unnoticed.
_LOOK_EVERY_S = 2.0
_LONGEST_COOKIE = 1024


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in.

    Attributes:
        id: Of this login.
        expires_at_s: Seconds since 1970.
        token: What each form of the session's pages has to carry.
    """

    user: WebUser
    id: str
    expires_at_s: int
    token: str


class Sessions:
    """Signs and reads cookies. A failing Redis raises `redis.RedisError`. Thread-safe.

    Args:
        redis: The ledger's.
        keys: Of its namespace.
        users: Who may log in, by name in lower case.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        redis: Redis,
        keys: Keys,
        users: Mapping[str, WebUser],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._redis, self._keys, self._users, self._clock = redis, keys, users, clock
        self._lock = threading.Lock()
        self._key = b""
        self._ended: frozenset[str] = frozenset()
        self._looked_at_s = float("-inf")

    @property
    def is_due(self) -> bool:
        """True when `look` would ask Redis."""
        return self._clock() - self._looked_at_s >= _LOOK_EVERY_S

    @property
    def has_key(self) -> bool:
        """True once Redis has answered."""
        return bool(self._key)

    def begin(self, user: WebUser) -> str:
        """Make the cookie of a new session."""
        self.look(now=True)
        return self._sign("session", user, SESSION_S)

    def know(self, user: WebUser) -> str:
        """Make the cookie by which a browser is known that logged in under a name."""
        return self._sign("browser", user, BROWSER_S)

    def read(self, cookie: str) -> Session | None:
        """Say whose session a cookie is; None for nobody's. Call `look` before, when it is due."""
        found = self._read("session", cookie)
        return None if found is None or found.id in self._ended else found

    def read_browser(self, cookie: str, name: str) -> str | None:
        """Say which browser it is, where it logged in under this name before."""
        found = self._read("browser", cookie)
        return found.id if found and found.user.name.lower() == name.lower() else None

    def end(self, session: Session) -> None:
        """End a session, for all processes."""
        now_s = self._clock()
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zremrangebyscore(self._keys.page_ended, "-inf", now_s)
        pipeline.zadd(self._keys.page_ended, {session.id: session.expires_at_s})
        pipeline.execute()
        self.look(now=True)

    def look(self, *, now: bool = False) -> None:
        """Read the key and which sessions have ended, unless that was done a moment ago."""
        with self._lock:
            if not now and not self.is_due:
                return
            # A Redis that is away is not asked by every request either.
            self._looked_at_s = self._clock()
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.set(self._keys.page_key, secrets.token_hex(32), nx=True)
            pipeline.get(self._keys.page_key)
            pipeline.zrangebyscore(self._keys.page_ended, self._clock(), "+inf")
            _, key, ended = pipeline.execute()
            self._key = str(key).encode()
            self._ended = frozenset(cast("list[str]", ended))

    def _sign(self, kind: str, user: WebUser, for_s: int) -> str:
        told = {"u": user.name, "i": secrets.token_hex(8), "e": int(self._clock()) + for_s}
        body = _encode(json.dumps(told, separators=(",", ":")).encode())
        return f"{body}.{self._mac(kind, body, user.secret)}"

    def _read(self, kind: str, cookie: str) -> Session | None:
        body, _, signature = cookie.partition(".")
        told = _decode(body) if len(cookie) <= _LONGEST_COOKIE else None
        user = self._users.get(str(told.get("u", "")).lower()) if told else None
        if told is None or user is None or not signature.isascii() or not self.has_key:
            return None
        if not hmac.compare_digest(signature, self._mac(kind, body, user.secret)):
            return None
        session_id, expires_at_s = str(told["i"]), int(told["e"])
        if expires_at_s <= self._clock():
            return None
        return Session(user, session_id, expires_at_s, self._mac("form", session_id, ""))

    def _mac(self, *parts: str) -> str:
        message = "\0".join(parts).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return found if isinstance(found, dict) else None

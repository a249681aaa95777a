"""Logging in: a password is compared only as often as the pace of attempts allows.

In:  a name, a password, an address. Out: the user, or why not.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from smsq.access.attempts import Attempts
from smsq.environment.page.passwords import fits, hash_password, is_hash
from smsq.environment.page.users import WebUser

log = logging.getLogger(__name__)

#: Who asks with name and password each time, as Prometheus does, is compared anew this often.
REMEMBERED_S, _MOST_REMEMBERED = 60.0, 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt: a user, or how long to wait, or neither: the password is wrong."""

    user: WebUser | None = None
    wait_s: float = 0.0


def by_name(users: Iterable[WebUser]) -> Mapping[str, WebUser]:
    """Map users by their names in lower case."""
    return {user.name.lower(): user for user in users}


class Logins:
    """Compares passwords. A failing Redis raises `redis.RedisError`. Thread-safe.

    Args:
        attempts: Slows guesses down.
        users: Who may log in, by name in lower case.
    """

    def __init__(self, attempts: Attempts, users: Mapping[str, WebUser]) -> None:
        self._attempts, self._users = attempts, users
        self._hashes: dict[str, str] = {}
        # One at a time: each takes a processor for a fifth of a second.
        self._one_at_a_time = threading.Lock()
        self._secret = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, float] = OrderedDict()

    def log_in(self, name: str, password: str, address: str, browser: str | None = None) -> Answer:
        """Compare name and password, if it is time.

        Args:
            name: As it was typed.
            password: The same.
            address: Where it comes from.
            browser: Of one that logged in under this name before.
        """
        wait_s = self._attempts.wait_s(name=name, address=address, browser=browser)
        told = self._tell(name)
        if wait_s:
            log.warning(
                "login refused name=%s from=%s: too many attempts, wait %.0f s",
                *(told, address, wait_s),
                extra={"repeats": f"login refused {address}"},
            )
            return Answer(wait_s=wait_s)
        user = self._users.get(name.lower())
        with self._one_at_a_time:
            is_right = fits(password, self._hash_of(user))
        if user is None or not is_right:
            log.warning("login failed name=%s from=%s", told, address)
            return Answer()
        log.info("login name=%s from=%s", user.name, address)
        return Answer(user)

    def check(self, name: str, password: str, address: str) -> Answer:
        """Compare as `log_in`; who was right a moment ago is neither counted nor compared."""
        key = hmac.digest(self._secret, f"{name}\0{password}".encode("utf-8", "replace"), "sha256")
        user = self._users.get(name.lower())
        if user and self._remembered.get(key, 0.0) > time.monotonic():
            return Answer(user)
        found = self.log_in(name, password, address)
        if found.user:
            self._remembered[key] = time.monotonic() + REMEMBERED_S
            while len(self._remembered) > _MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return found

    def _hash_of(self, user: WebUser | None) -> str:
        """Hash a plain password when it is first needed; nobody's is as slow as somebody's."""
        if user and is_hash(user.secret):
            return user.secret
        name = user.name if user else ""
        if name not in self._hashes:
            self._hashes[name] = hash_password(user.secret if user else secrets.token_hex(16))
        return self._hashes[name]

    def _tell(self, name: str) -> str:
        """Name who tried: a name of nobody may be a password in the wrong field."""
        user = self._users.get(name.lower())
        if user:
            return user.name
        digest = hashlib.sha256(self._secret + name.encode("utf-8", "replace")).hexdigest()
        return f"nobody's:{digest[:8]}"

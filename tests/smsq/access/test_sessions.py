"""Sessions: every process knows them, nobody forges one, and they end."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.access.logins import by_name
from smsq.access.sessions import BROWSER_S, SESSION_S, Sessions
from smsq.environment.page.users import WebUser
from smsq.store.scripts import Scripts

ANNA = WebUser("Anna", "correct horse battery", is_operator=True)
BEN = WebUser("ben", "another staple pony")


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make(scripts: Scripts, clock: Clock, *users: WebUser) -> Sessions:
    return Sessions(scripts.redis, scripts.keys, by_name(users or (ANNA, BEN)), clock)


def test_a_session_is_known_to_every_process(scripts: Scripts, clock: Clock) -> None:
    cookie = make(scripts, clock).begin(ANNA)
    other = make(scripts, clock)
    other.look()

    found = other.read(cookie)
    assert found
    assert found.user == ANNA
    assert found.expires_at_s == clock.now_s + SESSION_S


def test_it_ends_with_its_time_its_user_and_its_password(scripts: Scripts, clock: Clock) -> None:
    sessions = make(scripts, clock)
    cookie = sessions.begin(ANNA)
    without = make(scripts, clock, BEN)
    changed = make(scripts, clock, WebUser("Anna", "a new password here"), BEN)
    lesser = make(scripts, clock, WebUser("anna", ANNA.secret))
    for each in (without, changed, lesser):
        each.look()

    assert without.read(cookie) is None
    assert changed.read(cookie) is None
    # Rights are those of the settings, not of the cookie.
    found = lesser.read(cookie)
    assert found
    assert not found.user.is_operator
    clock.now_s += SESSION_S
    assert sessions.read(cookie) is None


def test_a_logout_ends_one_session_in_every_process(scripts: Scripts, clock: Clock) -> None:
    one, other = make(scripts, clock), make(scripts, clock)
    first, second = one.begin(ANNA), one.begin(ANNA)
    other.look()
    session = one.read(first)
    assert session
    one.end(session)
    clock.now_s += 3
    other.look()

    assert one.read(first) is None
    assert other.read(first) is None
    assert other.read(second)


def test_ended_sessions_are_forgotten_when_they_would_have_ended(
    scripts: Scripts, clock: Clock
) -> None:
    sessions = make(scripts, clock)
    for _ in range(3):
        cookie = sessions.begin(ANNA)
        session = sessions.read(cookie)
        assert session
        sessions.end(session)
        clock.now_s += SESSION_S + 1

    assert scripts.redis.zcard(scripts.keys.page_ended) == 1


def test_a_browser_is_known_under_the_name_that_logged_in_and_is_no_session(
    scripts: Scripts, clock: Clock
) -> None:
    sessions = make(scripts, clock)
    session, browser = sessions.begin(ANNA), sessions.know(ANNA)

    assert sessions.read_browser(browser, "anna")
    assert sessions.read_browser(browser, "ben") is None
    assert sessions.read(browser) is None
    assert sessions.read_browser(session, "anna") is None
    clock.now_s += BROWSER_S
    assert sessions.read_browser(browser, "anna") is None


def test_tokens_differ_from_session_to_session(scripts: Scripts, clock: Clock) -> None:
    sessions = make(scripts, clock)
    found = [sessions.read(sessions.begin(user)) for user in (ANNA, ANNA, BEN)]

    assert len({one.token for one in found if one}) == 3


def test_without_the_key_nothing_is_a_session(scripts: Scripts, clock: Clock) -> None:
    cookie = make(scripts, clock).begin(ANNA)

    assert make(scripts, clock).has_key is False
    assert make(scripts, clock).read(cookie) is None


@given(
    junk=st.text(max_size=40) | st.binary(max_size=60).map(lambda b: base64.b64encode(b).decode())
)
def test_whatever_else_is_sent_is_nobodys(junk: str) -> None:
    sessions = Sessions(None, None, by_name([ANNA]), lambda: 0.0)  # type: ignore[arg-type]
    sessions._key = b"key"
    told = base64.urlsafe_b64encode(json.dumps({"u": "anna", "i": junk, "e": 9e9}).encode())

    for cookie in (
        junk,
        f"{junk}.{junk}",
        f"{told.decode()}.{junk}",
        f"{told.decode()}.{'0' * 64}",
    ):
        assert sessions.read(cookie) is None
        assert sessions.read_browser(cookie, "anna") is None

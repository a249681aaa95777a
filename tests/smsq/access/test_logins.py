"""Passwords are compared at a pace, logged without being shown, and other people are served."""

from __future__ import annotations

import logging

import pytest

from smsq.access import logins as module
from smsq.access.attempts import NAME, Attempts
from smsq.access.logins import Logins, by_name
from smsq.environment.page import passwords
from smsq.environment.page.users import WebUser
from smsq.store.scripts import Scripts

ANNA, BEN = "correct horse battery", "another staple pony"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LOG2_N", 4)
    monkeypatch.setattr(passwords, "_P", 1)


@pytest.fixture
def logins(scripts: Scripts) -> Logins:
    hashed = passwords.hash_password(BEN)
    users = by_name([WebUser("anna", ANNA, is_operator=True), WebUser("ben", hashed)])
    return Logins(Attempts(scripts), users)


def test_a_plain_and_a_hashed_password_are_good_and_a_hash_is_none(logins: Logins) -> None:
    anna = logins.log_in("Anna", ANNA, "10.0.0.1").user
    ben = logins.log_in("ben", BEN, "10.0.0.1").user

    assert anna
    assert anna.is_operator
    assert ben
    assert not ben.is_operator
    assert logins.log_in("ben", ben.secret, "10.0.0.1").user is None
    for name, password in (("anna", BEN), ("nobody", ANNA), ("", ""), ("anna", ANNA + "x")):
        assert logins.log_in(name, password, "10.0.0.2").user is None


def test_guesses_are_slowed_and_logged_and_others_log_in_meanwhile(
    logins: Logins, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compared = []
    fits = passwords.fits

    def count(password: str, hashed: str) -> bool:
        compared.append(password)
        return fits(password, hashed)

    monkeypatch.setattr(module, "fits", count)
    with caplog.at_level(logging.INFO):
        answers = [logins.log_in("anna", f"guess {n}", "10.0.0.1") for n in range(500)]
        ben = logins.log_in("ben", BEN, "10.0.0.2")

    assert not any(answer.user for answer in answers)
    assert answers[-1].wait_s > 0
    # So many at once, and one for each pause that passed meanwhile.
    assert len(compared) < NAME.burst + 10
    assert ben.user
    assert "login failed name=anna from=10.0.0.1" in caplog.text
    assert "login refused name=anna from=10.0.0.1: too many attempts" in caplog.text
    assert "guess" not in caplog.text


def test_the_right_password_has_to_wait_as_well(logins: Logins) -> None:
    for n in range(NAME.burst):
        logins.log_in("anna", f"guess {n}", "10.0.0.1")

    assert logins.log_in("anna", ANNA, "10.0.0.1").user is None


def test_a_name_of_nobody_is_not_logged(logins: Logins, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logins.log_in(ANNA, "", "10.0.0.1")
        logins.log_in(f"{ANNA}\nforged line", "", "10.0.0.1")

    assert "login failed name=nobody's:" in caplog.text
    assert "horse" not in caplog.text
    assert "forged" not in caplog.text


def test_a_program_that_asks_all_day_is_compared_now_and_then(
    logins: Logins, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(100):
        assert logins.check("ben", BEN, "10.0.0.1").user
    assert logins.check("ben", BEN + "x", "10.0.0.1").user is None
    monkeypatch.setattr(module, "fits", lambda *_: False)
    assert logins.check("ben", BEN, "10.0.0.1").user
    assert logins.check("anna", ANNA, "10.0.0.1").user is None

"""Presence: who takes rings, by what each worker says of itself."""

from __future__ import annotations

from smsq.rings.presence import FORGET_AFTER_S, Presence, read_presence
from smsq.store.scripts import Scripts


def test_each_worker_is_as_old_as_it_says(scripts: Scripts) -> None:
    presence = Presence(scripts)
    presence.tell("a@host", 0.5)
    presence.tell("b@host", 60)

    ages_s = read_presence(scripts.redis, scripts.keys)

    assert ages_s.keys() == {"a@host", "b@host"}
    assert 0.4 < ages_s["a@host"] < 5
    assert 59 < ages_s["b@host"] < 65


def test_who_says_goodbye_is_not_missed(scripts: Scripts) -> None:
    presence = Presence(scripts)
    presence.tell("a@host", 0)
    presence.leave("a@host")

    assert not read_presence(scripts.redis, scripts.keys)


def test_who_was_silent_for_long_is_forgotten(scripts: Scripts) -> None:
    presence = Presence(scripts)
    presence.tell("killed@host", FORGET_AFTER_S + 1)
    presence.tell("a@host", 0)

    assert list(read_presence(scripts.redis, scripts.keys)) == ["a@host"]
    assert scripts.redis.pttl(scripts.keys.workers) > 0

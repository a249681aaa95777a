"""Presence: who takes rings, by what each worker says of itself."""

from __future__ import annotations

import pytest

from smsq.rings import presence as presences
from smsq.rings.presence import (
    FORGET_AFTER_S,
    Presence,
    name_gateway,
    names_sandbox,
    read_gateway,
    read_presence,
    read_versions,
)
from smsq.store.scripts import Scripts

OURS, THEIRS = "ours.example:443", "theirs.example:443"


def test_each_worker_is_as_old_as_it_says(scripts: Scripts) -> None:
    presence = Presence(scripts, OURS)
    presence.tell("a@host", 0.5)
    presence.tell("b@host", 60)

    ages_s = read_presence(scripts.redis, scripts.keys)

    assert ages_s.keys() == {"a@host", "b@host"}
    assert 0.4 < ages_s["a@host"] < 5
    assert 59 < ages_s["b@host"] < 65


def test_who_says_goodbye_is_not_missed(scripts: Scripts) -> None:
    presence = Presence(scripts, OURS)
    presence.tell("a@host", 0)
    presence.leave("a@host")

    assert not read_presence(scripts.redis, scripts.keys)


def test_who_was_silent_for_long_is_forgotten(scripts: Scripts) -> None:
    Presence(scripts, OURS).tell("killed@host", FORGET_AFTER_S + 1)
    Presence(scripts, OURS).tell("a@host", 0)

    assert list(read_presence(scripts.redis, scripts.keys)) == ["a@host"]
    assert scripts.redis.pttl(scripts.keys.workers) > 0


def test_each_worker_tells_which_smsq_it_runs_and_for_how_long(scripts: Scripts) -> None:
    world_ms = scripts.redis.time()[0] * 1000
    Presence(scripts, OURS, "0.1.0 aaaaaaa").tell("a@host", 0)
    Presence(scripts, OURS).tell("old@host", 0)
    scripts.redis.hset(scripts.keys.versions, "a@host", f"{world_ms - 60_000} 0.1.0 aaaaaaa")
    Presence(scripts, OURS, "0.1.0 aaaaaaa").tell("a@host", 0)
    [(worker, running)] = read_versions(scripts.redis, scripts.keys).items()
    assert (worker, running.version) == ("a@host", "0.1.0 aaaaaaa")
    assert 59 < running.for_s < 65

    Presence(scripts, OURS, "0.2.0 bbbbbbb").tell("a@host", 0)
    [running] = read_versions(scripts.redis, scripts.keys).values()
    assert running.version == "0.2.0 bbbbbbb"
    assert running.for_s < 5


def test_the_version_of_who_leaves_or_is_forgotten_goes_with_it(scripts: Scripts) -> None:
    ended, killed, at_work = (Presence(scripts, OURS, "0.1.0 aaaaaaa") for _ in range(3))
    ended.tell("ended@host", 0)
    ended.leave("ended@host")
    killed.tell("killed@host", FORGET_AFTER_S + 1)
    at_work.tell("a@host", 0)

    assert list(read_versions(scripts.redis, scripts.keys)) == ["a@host"]
    assert scripts.redis.pttl(scripts.keys.versions) > 0


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://gw.example", "gw.example:443"),
        ("https://GW.example:443", "gw.example:443"),
        ("http://gw.example", "gw.example:80"),
        ("http://127.0.0.1:8025", "127.0.0.1:8025"),
        ("http://[::1]:8025", "::1:8025"),
    ],
)
def test_one_gateway_has_one_name_however_its_address_is_written(url: str, name: str) -> None:
    assert name_gateway(url) == name


def test_a_sandbox_is_another_gateway_to_workers_without_it(scripts: Scripts) -> None:
    real, sandbox = [
        name_gateway("https://gw.example", is_sandbox=is_one) for is_one in (False, True)
    ]
    assert [names_sandbox(name) for name in (real, sandbox)] == [False, True]
    assert Presence(scripts, sandbox).enter("a@host") == ""

    assert Presence(scripts, real).enter("b@host") == "gw.example:443 (sandbox)"


def test_workers_of_another_gateway_are_told_whose_ledger_it_is(scripts: Scripts) -> None:
    assert Presence(scripts, OURS).enter("a@host") == ""

    stranger = Presence(scripts, THEIRS)
    assert stranger.enter("b@host") == OURS
    assert stranger.tell("b@host", 0) == OURS
    assert read_gateway(scripts.redis, scripts.keys) == OURS
    assert not read_presence(scripts.redis, scripts.keys)


def test_as_long_as_one_worker_tells_of_itself_no_other_gateway_gets_in(scripts: Scripts) -> None:
    first, second = Presence(scripts, OURS), Presence(scripts, OURS)
    first.tell("a@host", 0)
    first.leave("a@host")
    second.tell("b@host", 3600)  # deaf, but it may have requests in hand

    assert Presence(scripts, THEIRS).enter("c@host") == OURS


def test_after_all_workers_were_silent_another_gateway_takes_their_place(
    scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    Presence(scripts, OURS).tell("a@host", 0)
    monkeypatch.setattr(presences, "GATEWAY_FREE_AFTER_S", 0)

    assert Presence(scripts, THEIRS).enter("b@host") == ""
    monkeypatch.undo()
    assert Presence(scripts, OURS).tell("a@host", 0) == THEIRS


def test_a_pause_of_an_older_ledger_is_not_forgotten(scripts: Scripts) -> None:
    limiter = scripts.keys.limiter
    scripts.redis.hset(limiter, "closed", "by ops@host")
    scripts.redis.pexpire(limiter, 60_000)
    Presence(scripts, OURS).tell("a@host", 0)

    assert scripts.redis.pttl(limiter) == -1


def test_what_a_worker_says_each_time_costs_few_commands(scripts: Scripts) -> None:
    presence = Presence(scripts, OURS, "1.0")
    presence.tell("a@host", 0)
    scripts.redis.config_resetstat()
    presence.tell("a@host", 0)

    commands = scripts.redis.info("commandstats")
    assert sum(row["calls"] for row in commands.values()) <= 8
    assert read_versions(scripts.redis, scripts.keys)["a@host"].version == "1.0"

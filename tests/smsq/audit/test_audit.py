"""The audit trail: what is written, read and noticed when somebody tampers with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smsq.audit.acts import Act, fit, name_person
from smsq.audit.audit import Audit
from smsq.audit.chain import KEEP_MS
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError
from smsq.store.scripts import _source, find_files
from tests.smsq.world import World

_DAY_MS = 86_400_000


@pytest.fixture
def audit(world: World) -> Audit:
    return Audit(world.scripts)


def test_who_did_what_is_read_the_newest_first(audit: Audit, world: World) -> None:
    audit.record("anna", Act.EXPORT, detail="full phones")
    world.pass_s(60)
    audit.record(None, Act.RECIPIENTS, "j0123456789012345")

    newest, oldest = audit.read()

    assert (newest.by, newest.act, newest.target) == (who_am_i(), "recipients", "j0123456789012345")
    assert (oldest.by, oldest.act, oldest.target, oldest.detail) == (
        "anna", "export", "", "full phones",
    )  # fmt: skip
    assert newest.at - oldest.at == timedelta(seconds=60)
    assert (oldest.prev, newest.prev) == ("", oldest.head)


def test_readers_choose_by_person_act_time_and_number(audit: Audit, world: World) -> None:
    for by, act in [("anna@desk", "find"), ("boris", "find"), ("anna@desk", "export")]:
        audit.record(by, act)
        world.pass_s(10)
    began = datetime.fromtimestamp(world.now_us / 1e6, UTC) - timedelta(seconds=25)

    assert [one.act for one in audit.read(by="anna")] == ["export", "find"]
    assert [one.act for one in audit.read(by="anna@desk", limit=1)] == ["export"]
    assert [one.by for one in audit.read(act="find")] == ["boris", "anna@desk"]
    assert [one.by for one in audit.read(since=began)] == ["anna@desk", "boris"]


def test_long_trails_are_read_and_checked_in_slices(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smsq.audit.audit._SLICE", 3)
    for n in range(10):
        audit.record(f"person {n}", "find")

    assert [one.by for one in audit.read(limit=8)] == [f"person {n}" for n in range(9, 1, -1)]
    verdict = audit.verify()
    assert (verdict.problem, verdict.entries) == ("", 10)


@pytest.mark.parametrize(
    "by", ["", "   ", "x" * 101, "boss\x1b[31m", "a\nb", "a\u202eb", "\ud800", 7, b"anna"]
)
def test_a_name_that_is_none_is_refused(audit: Audit, by: str) -> None:
    with pytest.raises(InvalidMessageError, match="by: write who acts, 1 to 100 characters"):
        audit.record(by, Act.FIND)
    assert audit.read() == []


def test_an_act_that_is_none_is_refused(audit: Audit) -> None:
    with pytest.raises(ValueError, match="shrug"):
        audit.record("anna", "shrug")


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("+375 29 123-45-67 called", "+375*******67 called"),
        ("for 375291234567", "for +375*******67"),
        ("(029) 123 45 67", "(+029*****67"),
        ("j1234567890123456", "j1234567890123456"),
        ("INC-4711", "INC-4711"),
        ("since 2026-11-01T00:00:00+00:00", "since 2026-11-01T00:00:00+00:00"),
        ("2026-11-01 09:30, until 2026-11-27", "2026-11-01 09:30, until 2026-11-27"),
        ("2029-12-31-45-67", "+202*******67"),
        ("+2029-12-31 45", "+202*****45"),
        ("375 2029-12-31", "+375******31"),
        ("two\nlines\x1b[2J", "two lines [2J"),
    ],
)
def test_words_are_kept_without_phones_and_control_characters(written: str, kept: str) -> None:
    assert fit(written) == kept


def test_a_name_that_is_a_phone_is_masked() -> None:
    assert name_person(" +375291234567 ") == "+375*******67"


def test_the_name_at_the_keyboard_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "boss")
    assert not who_am_i().startswith("boss@")


def test_a_year_later_the_oldest_go_and_the_rest_is_whole(audit: Audit, world: World) -> None:
    for n in range(4):
        audit.record(f"person {n}", "find")
        world.pass_s(KEEP_MS / 4000)
    old = audit.verify()
    world.pass_s(KEEP_MS / 4000 + 1)
    audit.record("last", "find")

    assert [one.by for one in audit.read()] == ["last", "person 3", "person 2"]
    verdict = audit.verify(old.head)
    assert (verdict.problem, verdict.entries) == ("", 3)
    assert verdict.first_at == audit.read()[-1].at


def test_a_trail_of_which_all_is_a_year_old_is_whole_and_goes_on(
    audit: Audit, world: World
) -> None:
    audit.record("anna", "find")
    head = audit.verify().head
    world.redis.delete(world.keys.audit)
    assert "all entries" in audit.verify().problem

    world.pass_s(KEEP_MS / 1000 + 1)
    assert audit.verify().problem == ""
    audit.record("boris", "find")
    verdict = audit.verify()
    assert (verdict.problem, verdict.entries) == ("", 1)
    assert audit.read()[0].prev == head


def test_a_clock_that_goes_back_does_not_stop_the_trail(audit: Audit, world: World) -> None:
    audit.record("anna", "find")
    world.now_us -= 3_600_000_000
    audit.record("boris", "find")

    assert [one.by for one in audit.read()] == ["boris", "anna"]
    assert audit.verify().is_whole


def test_a_noted_head_shows_that_all_was_written_anew(audit: Audit, world: World) -> None:
    for n in range(3):
        audit.record(f"person {n}", "find")
    noted = audit.verify().head
    world.redis.delete(world.keys.audit, world.keys.audit_head)
    for n in (0, 2):
        audit.record(f"person {n}", "find")

    assert audit.verify().is_whole
    assert "is not in the trail" in audit.verify(noted).problem


def test_a_noted_head_stays_good_while_the_trail_grows(audit: Audit) -> None:
    audit.record("anna", "find")
    noted = audit.verify().head
    audit.record("boris", "find")

    assert audit.verify(noted).is_whole
    assert "is not in the trail" in audit.verify(noted[:-1] + "x").problem


def test_a_noted_head_that_is_too_old_cannot_be_compared(audit: Audit, world: World) -> None:
    noted = f"{world.now_ms - KEEP_MS - _DAY_MS}-7:{'0' * 40}"
    audit.record("anna", "find")
    assert "older than what is kept" in audit.verify(noted).problem


def test_nothing_was_ever_done_is_whole(audit: Audit) -> None:
    verdict = audit.verify()
    assert (verdict.is_whole, verdict.entries, verdict.head, verdict.first_at) == (
        True, 0, "", None,
    )  # fmt: skip


def test_nothing_of_it_is_on_the_way_of_a_message() -> None:
    on_its_way = ("enqueue", "gather", "stage", "commit", "slot", "claim", "request", "settle")
    later = ("gate", "poll_due", "poll_page", "receipt", "recover", "publish")
    for name in (*on_its_way, *later):
        if name in find_files():
            assert "record_act" not in _source(name), name
    assert "record_act" in _source("wish")

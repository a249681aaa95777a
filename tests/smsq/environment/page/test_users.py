"""Who may log in, and where it listens: mistakes stop the start and show no password."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.environment.page import passwords
from smsq.environment.page.listen import Listen, parse_listen
from smsq.environment.page.passwords import find_fault, fits, hash_password
from smsq.environment.page.users import WebUser, parse_users
from smsq.errors import ConfigError
from smsq.settings import Settings

GOOD = "correct horse battery"
#: Fixed: tests of several processes are told apart by it.
HASHED = f"scrypt:14:8:5:{'c2FsdA' * 3}:{'aGFzaA' * 7}a"


def read(environ: dict[str, str]) -> Settings:
    return Settings.from_env(environ, needs_page=True)


def test_readers_and_operators_are_read_from_the_environment() -> None:
    settings = read(
        {"SMSQ_WEB_READERS": f"ben:{GOOD}, eva:{HASHED}", "SMSQ_WEB_OPERATORS": f"anna:{GOOD}"}
    )

    assert settings.web_readers == (WebUser("ben", GOOD), WebUser("eva", HASHED))
    assert settings.web_operators == (WebUser("anna", GOOD, is_operator=True),)
    assert GOOD not in repr(settings)
    assert HASHED not in repr(settings)


def test_they_may_stand_in_a_file_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "operators"
    path.write_text(f"# night shift\nanna:{HASHED}\n\nben:{GOOD}\n")
    settings = read({"SMSQ_WEB_OPERATORS_FILE": str(path)})

    assert [user.name for user in settings.web_operators] == ["anna", "ben"]
    assert all(user.is_operator for user in settings.web_operators)


def test_who_does_not_serve_the_page_keeps_no_password(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {"SMSQ_WEB_READERS": f"ben:{GOOD}", "SMSQ_WEB_OPERATORS_FILE": str(tmp_path / "none")}
    )

    assert settings.web_readers == settings.web_operators == ()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ben", "entry 1: write name:password"),
        (f"ben:{GOOD},", "entry 2: write name:password"),
        (f"be n:{GOOD}", "entry 1: write name:password"),
        ("ben:short", "entry 1: write a password of 12 to 200 characters"),
        ("ben:" + "x" * 201, "entry 1: write a password of 12 to 200 characters"),
        ("ben:aaaaaaaaaaaaaaaa", "entry 1: write a password of at least 6 different characters"),
        ("ben:Benjamin-the-third", "entry 1: write a password that does not contain the name"),
        (f"ben:{GOOD},Ben:{GOOD}", "entry 2: this name was there before"),
        ("ben:scrypt:14:8:5:short:hash", "entry 1: the hash is not whole"),
        (f"ben:{HASHED.replace(':14:', ':31:')}", "entry 1: the hash is not whole"),
        (f"ben:{HASHED.replace(':14:', ':0:')}", "entry 1: the hash is not whole"),
    ],
)
def test_an_entry_that_is_malformed_weak_or_double_is_told_without_being_shown(
    written: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "readers"
    path.write_text(written.replace(",", "\n"))
    with pytest.raises(ConfigError) as of_variable:
        read({"SMSQ_WEB_READERS": written})
    assert f"SMSQ_WEB_READERS: {said}" in str(of_variable.value)
    for secret in (GOOD, HASHED, "short", "Benjamin"):
        assert secret not in str(of_variable.value)
    if not written.endswith(","):
        with pytest.raises(ConfigError) as of_file:
            read({"SMSQ_WEB_READERS_FILE": str(path)})
        assert f"SMSQ_WEB_READERS_FILE: {said}" in str(of_file.value)


def test_contradictions_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("# nobody yet\n")
    cases = {
        "both have ben: write each name once": {
            "SMSQ_WEB_READERS": f"ben:{GOOD}",
            "SMSQ_WEB_OPERATORS": f"Ben:{GOOD}",
        },
        "SMSQ_WEB_READERS and SMSQ_WEB_READERS_FILE are both set": {
            "SMSQ_WEB_READERS": f"ben:{GOOD}",
            "SMSQ_WEB_READERS_FILE": str(empty),
        },
        "the file has no entry": {"SMSQ_WEB_READERS_FILE": str(empty)},
        "cannot read it (FileNotFoundError)": {"SMSQ_WEB_READERS_FILE": str(tmp_path / "none")},
        "which other machines reach": {"SMSQ_ADMIN_LISTEN": "0.0.0.0:8081"},
    }
    for said, environ in cases.items():
        with pytest.raises(ConfigError) as raised:
            read(environ)
        assert said.lower() in str(raised.value).lower(), said
    read({"SMSQ_ADMIN_LISTEN": "0.0.0.0:8081", "SMSQ_WEB_READERS": f"ben:{GOOD}"})


@pytest.mark.parametrize(
    ("written", "listen"),
    [
        ("127.0.0.1:8081", Listen("127.0.0.1", 8081)),
        ("localhost:0", Listen("localhost", 0)),
        ("[::1]:9", Listen("::1", 9)),
        ("admin.example:65535", Listen("admin.example", 65535)),
    ],
)
def test_addresses(written: str, listen: Listen) -> None:
    assert parse_listen(written) == listen
    assert str(listen) == written
    assert listen.is_loopback is (listen.host != "admin.example")


@given(st.text(max_size=30))
def test_no_address_is_read_that_is_none(text: str) -> None:
    with suppress(ValueError):
        listen = parse_listen(text)
        assert parse_listen(str(listen)) == listen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8081",
        ":8081",
        "127.0.0.1",
        "127.0.0.1:",
        "::1:80",
        "h:65536",
        "http://h:80",
        "h:8O",
        "h/x:1",
    ],
)
def test_bad_addresses_are_told_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write host and port"):
        parse_listen(text)


def test_a_hash_fits_its_password_alone_and_has_a_salt_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_LOG2_N", 4)
    one, other = hash_password(GOOD), hash_password(GOOD)

    assert fits(GOOD, one)
    assert not fits(GOOD + " ", one)
    assert not fits(GOOD, GOOD)
    assert one != other
    assert find_fault("anna", one) is None


@given(st.text(alphabet="ab,:é\x00 ", max_size=40))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_users(text)

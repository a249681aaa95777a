"""Who may log in to the operators' page.

In:  `name:password,...`, or a file with one such entry per line. Out: users, or what to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smsq.environment.page.listen import Listen
from smsq.environment.page.passwords import find_fault

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_EXAMPLE = "write name:password, or the line that smsq web-user prints"


@dataclass(frozen=True, slots=True)
class WebUser:
    """Somebody who may log in.

    Attributes:
        name: Stands in the audit trail.
        secret: A password, or the hash of one.
        is_operator: True for whoever may act; else they only look.
    """

    name: str
    secret: str = field(repr=False)
    is_operator: bool = False


def parse_users(text: str) -> tuple[WebUser, ...]:
    """Parse entries, separated by commas.

    Raises:
        ValueError: One is malformed, weak or there twice.
    """
    return tuple(_read_entries(text.split(",")))


def parse_user_lines(text: str) -> tuple[WebUser, ...]:
    """Parse a file's lines; those that are empty or begin with # are left out.

    Raises:
        ValueError: As of `parse_users`.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found = tuple(_read_entries(lines))
    if not found:
        raise ValueError(f"the file has no entry: {_EXAMPLE}, one a line")
    return found


def check_user_name(name: str) -> str:
    """Check the name of a user.

    Raises:
        ValueError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("write a name of 1 to 64 letters, digits or . _ @ -")
    return name


def _read_entries(entries: list[str]) -> Iterator[WebUser]:
    seen: set[str] = set()
    for number, entry in enumerate(entries, 1):
        name, colon, secret = entry.strip().partition(":")
        # The entry is not repeated: what is malformed may be all password.
        if not colon or not _NAME.fullmatch(name):
            raise ValueError(f"entry {number}: {_EXAMPLE}")
        if fault := find_fault(name, secret):
            raise ValueError(f"entry {number}: {fault}")
        if name.lower() in seen:
            raise ValueError(f"entry {number}: this name was there before: write each name once")
        seen.add(name.lower())
        yield WebUser(name, secret)


def resolve_users(values: dict[str, Any], *, is_needed: bool) -> Iterator[str]:
    """Put users from files in their place; keep none where none is needed. Yields mistakes.

    Args:
        values: Of the settings, by field.
        is_needed: True for the process that serves the page.
    """
    for role in ("readers", "operators"):
        users = values.get(f"web_{role}", ())
        values[f"web_{role}"] = ()
        if not is_needed:
            continue
        try:
            values[f"web_{role}"] = _choose(users, values[f"web_{role}_file"], role)
        except ValueError as error:
            yield str(error)
    yield from _find_contradictions(values) if is_needed else ()


def _choose(users: tuple[WebUser, ...], path: str, role: str) -> tuple[WebUser, ...]:
    name = f"SMSQ_WEB_{role.upper()}"
    if users and path:
        raise ValueError(f"{name} and {name}_FILE are both set: keep one")
    if path:
        try:
            users = parse_user_lines(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            told = f"cannot read it ({type(error).__name__}): write the path of a text file"
            raise ValueError(f"{name}_FILE: {told}") from None
        except UnicodeDecodeError:
            raise ValueError(f"{name}_FILE: write the path of a text file in UTF-8") from None
        except ValueError as error:
            raise ValueError(f"{name}_FILE: {error}") from None
    is_operator = role == "operators"
    return tuple(WebUser(user.name, user.secret, is_operator) for user in users)


def _find_contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    readers = {user.name.lower() for user in values["web_readers"]}
    both = sorted(user.name for user in values["web_operators"] if user.name.lower() in readers)
    if both:
        told = "write each name once: an operator may all that a reader may"
        yield f"SMSQ_WEB_READERS and SMSQ_WEB_OPERATORS both have {', '.join(both)}: {told}"
    listen = values.get("admin_listen")
    has_users = values["web_readers"] or values["web_operators"]
    has_any_set = has_users or values["web_readers_file"] or values["web_operators_file"]
    if isinstance(listen, Listen) and not listen.is_loopback and not has_any_set:
        yield (
            f"SMSQ_ADMIN_LISTEN is {listen}, which other machines reach: set SMSQ_WEB_READERS or "
            "SMSQ_WEB_OPERATORS, too, or listen on 127.0.0.1"
        )

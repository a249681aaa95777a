"""What no line of a log may hold, whoever writes it: secrets, phones, queries, signatures. Pure.

In:  a line, and who says it. Out: the line without them; one that holds none stays as it is.

Our own lines hold neither texts nor phones from the start. Those of libraries may hold an address
with its query, a password, or what a peer said, at DEBUG more than usual.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, urlsplit

from smsq.settings import Settings
from smsq.text.phones import mask_phone

#: Stands for what was taken out.
HIDDEN = "***"

#: A shorter secret stands in other words by chance.
_LEAST_SECRET = 6

#: Loggers whose lines are ours.
_OURS = re.compile(r"(smsq|config|tasks|worker)(\.|$)")

#: In an address: its password, its query, and what proves a receipt.
_PASSWORD = re.compile(r"(://[^\s/:@]*:)(?!\*+@)[^\s@/]+(?=@)")
_QUERY = re.compile(r"((?:://|/)[^\s?\"'<>]*)\?[^\s\"'<>]*=[^\s\"'<>]*")
_SIGNATURE = re.compile(r"(/receipts/[^/\s\"']{1,80}/)[^\s\"'/?]+")

#: Any spelling that begins with a plus, and bare digits, too many for anything but a phone or an id
#: of others. What stands within a word, as in a job's id, is none.
_PHONE = re.compile(
    r"(?:\+|%2[Bb])\d(?:[ \u00a0().-]{0,2}\d){8,14}(?!\w)"
    r"|(?<![A-Za-z0-9.])\d{9,15}(?![A-Za-z0-9])"
)

_secrets: list[str] = []


def hide(secrets: Iterable[str]) -> None:
    """Have these never be shown by this process, from now on; the longest are sought first."""
    spelt = {way(one) for one in secrets for way in (str, quote, quote_plus)}
    known = {one for one in spelt if len(one) >= _LEAST_SECRET}
    _secrets[:] = sorted(known.union(_secrets), key=lambda one: (-len(one), one))


def hide_secrets_of(settings: Settings) -> None:
    """Have the secrets never be shown that a process has from its settings."""
    addresses = (settings.redis_url, settings.broker_url)
    proxies = (settings.gateway_proxy, settings.webhook_proxy, settings.webhook_url)
    hide(
        [
            settings.gateway_token,
            *settings.callback_secrets,
            *settings.webhook_secrets,
            *(_password_of(url) for url in (*addresses, *proxies)),
        ]
    )


def scrub(line: str, logger: str) -> str:
    """Take out of a line what nobody may see.

    Args:
        line: Or several.
        logger: Who says it: digits in our own lines are counts and ids.
    """
    for secret in _secrets:
        if secret in line:
            line = line.replace(secret, HIDDEN)
    if "/" in line:
        line = _PASSWORD.sub(rf"\1{HIDDEN}", line)
        line = _QUERY.sub(rf"\1?{HIDDEN}", line)
        line = _SIGNATURE.sub(rf"\1{HIDDEN}", line)
    if _OURS.match(logger):
        return line
    return _PHONE.sub(
        lambda found: mask_phone(found.group().lstrip("%").lower().removeprefix("2b")), line
    )


def _password_of(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""

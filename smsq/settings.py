"""Settings: the environment, read once into one frozen object; all mistakes are told together.

In:  environment variables named `SMSQ_...`. Out: `Settings`, or a `ConfigError` with every mistake.

The table `SETTINGS` is the one place where a setting's name, default and meaning stand;
`.env.example` and the README's table are tested against it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self, cast

from smsq import parsers
from smsq.errors import ConfigError
from smsq.models import OnUnknown, RecipientState
from smsq.states import GATEWAY_WORDS


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable.

    Attributes:
        default: As it would be written in the environment; "" means "not set".
        parse: Raises ValueError with what to write instead.
        meaning: One phrase for `.env.example` and the README.
        unset: What stands for "not set".
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    meaning: str
    unset: Any = ""

    @property
    def field(self) -> str:
        """Name of the attribute of `Settings` that holds it."""
        return self.name.removeprefix("SMSQ_").lower()


SETTINGS: tuple[Setting, ...] = (
    Setting("SMSQ_REDIS_URL", "redis://127.0.0.1:6379/0", parsers.redis_url, "ledger and limiter"),
    Setting(
        "SMSQ_BROKER_URL",
        "",
        parsers.broker_url,
        "Celery broker; empty: the same as SMSQ_REDIS_URL",
    ),
    Setting("SMSQ_NAMESPACE", "smsq", parsers.namespace, "prefix of every key and queue"),
    Setting(
        "SMSQ_GATEWAY_URL", "", parsers.gateway_url, "scheme, host, port of the gateway; no default"
    ),
    Setting("SMSQ_GATEWAY_TOKEN", "", str, "the gateway's API key; or name a file with it:"),
    Setting("SMSQ_GATEWAY_TOKEN_FILE", "", str, "file that holds the gateway's API key"),
    Setting("SMSQ_ALPHANAME_ID", "", parsers.alphaname_id, "sender when a call names none"),
    Setting("SMSQ_RATE_PER_S", "10", parsers.number(0.001, 10_000), "gateway requests per second"),
    Setting("SMSQ_BURST", "1", parsers.whole(1, 10_000), "requests that may start at once"),
    Setting("SMSQ_POLL_SHARE", "0.2", parsers.number(0, 0.9), "share that polls keep, 0 to 0.9"),
    Setting("SMSQ_TIMEOUT_S", "15", parsers.number(0.1, 300), "seconds for a whole request"),
    Setting("SMSQ_MAX_ATTEMPTS", "8", parsers.whole(1, 1000), "failures before a job is dead"),
    Setting("SMSQ_BACKOFF_FIRST_S", "1", parsers.number(0.01, 3600), "first pause, in seconds"),
    Setting("SMSQ_BACKOFF_MAX_S", "300", parsers.number(0.01, 86_400), "longest pause, in seconds"),
    Setting("SMSQ_ON_UNKNOWN", "hold", parsers.choice(OnUnknown), "hold or resend"),
    Setting(
        "SMSQ_BULK_MAX_RECIPIENTS", "1000", parsers.whole(1, 100_000), "recipients per request"
    ),
    Setting("SMSQ_POLL_FIRST_S", "5", parsers.number(0.1, 86_400), "seconds to the first poll"),
    Setting("SMSQ_POLL_MAX_S", "43200", parsers.number(1, 604_800), "longest pause between polls"),
    Setting("SMSQ_POLL_HORIZON_S", "259200", parsers.number(1, 2_592_000), "polling gives up"),
    Setting("SMSQ_PAGE_ROWS", "1000", parsers.whole(1, 100_000), "rows per delivery page"),
    Setting(
        "SMSQ_STATUS_MAP",
        "",
        parsers.status_map,
        "more words of the gateway's: read=delivered,blocked=undelivered",
        unset={},
    ),
    Setting("SMSQ_CALLBACK_URL", "", parsers.base_url, "public base URL of the receiver"),
    Setting("SMSQ_CALLBACK_SECRET", "", str, "signs receipt URLs; 16 characters or more"),
    Setting("SMSQ_TIMEZONE", "Europe/Minsk", parsers.timezone, "the gateway's zone"),
    Setting("SMSQ_DEFAULT_REGION", "BY", parsers.region, "region of national phone numbers"),
    Setting("SMSQ_RETENTION_S", "2592000", parsers.whole(60, 315_360_000), "keep finished jobs"),
    Setting("SMSQ_KEEP_TEXTS", "0", parsers.flag, "1: keep texts after acceptance"),
    Setting("SMSQ_DURABLE_CLAIMS", "0", parsers.flag, "1: send only what is on Redis' disk"),
    Setting("SMSQ_EVENTS_KEEP_S", "86400", parsers.whole(0, 2_592_000), "keep news; 0: none"),
    Setting("SMSQ_WEBHOOK_URL", "", parsers.webhook_url, "where news is posted to"),
    Setting("SMSQ_WEBHOOK_SECRET", "", str, "signs what is posted; 16 characters or more"),
)

_MIN_SECRET = 16
#: Above this likeness a name starting with SMSQ_ is taken for a misspelt setting.
_TYPO_LIKENESS = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; units are in the names, meanings in `SETTINGS`."""

    redis_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    namespace: str
    gateway_url: str
    gateway_token: str = field(repr=False)
    gateway_token_file: str
    alphaname_id: str
    rate_per_s: float
    burst: int
    poll_share: float
    timeout_s: float
    max_attempts: int
    backoff_first_s: float
    backoff_max_s: float
    on_unknown: OnUnknown
    bulk_max_recipients: int
    poll_first_s: float
    poll_max_s: float
    poll_horizon_s: float
    page_rows: int
    status_map: Mapping[str, RecipientState]
    callback_url: str
    callback_secret: str = field(repr=False)
    timezone: str
    default_region: str
    retention_s: int
    keep_texts: bool
    durable_claims: bool
    events_keep_s: int
    webhook_url: str = field(repr=False)
    webhook_secret: str = field(repr=False)

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, needs_gateway: bool = False
    ) -> Self:
        """Read the environment.

        Args:
            environ: None means `os.environ`.
            needs_gateway: True for processes that talk to the gateway: its address and token must
                be there. Others never read the token, so it cannot leak from them.

        Raises:
            ConfigError: With every mistake found.
        """
        env = os.environ if environ is None else environ
        mistakes = list(_find_misspelt(env))
        values: dict[str, Any] = {}
        for setting in SETTINGS:
            text = env.get(setting.name, "").strip() or setting.default
            try:
                values[setting.field] = setting.parse(text) if text else setting.unset
            except ValueError as error:
                mistakes.append(f"{setting.name}: {error}")
        broker_url = values.get("broker_url") or values.get("redis_url", "")
        values["broker_url"] = parsers.broker_of(broker_url)
        _resolve_token(values, needs_gateway, mistakes)
        mistakes += _find_contradictions(values, needs_gateway)
        if mistakes:
            raise ConfigError(mistakes)
        return cls(**values)

    @property
    def words(self) -> Mapping[str, RecipientState]:
        """All of the gateway's words that are known, in lower case."""
        return {**GATEWAY_WORDS, **self.status_map}

    def on_redis(self, url: str) -> Self:
        """Copy the settings with another Redis for both ledger and broker.

        Raises:
            ConfigError: It is no Redis' address.
        """
        try:
            parsers.redis_url(url)
        except ValueError as error:
            mistake = f"redis_url: {error}"
        else:
            return replace(self, redis_url=url, broker_url=parsers.broker_of(url))
        raise ConfigError([mistake])


def _find_misspelt(env: Mapping[str, str]) -> list[str]:
    known = {setting.name for setting in SETTINGS}
    found = []
    for name in sorted(set(env) - known):
        if name.startswith("SMSQ_"):
            near = _find_meant(name, known)
            found += [f"{name} is not a setting: write {' or '.join(near)}"] if near else []
    return found


def _find_meant(name: str, known: Iterable[str]) -> Sequence[str]:
    """Find what a name is short for (`SMSQ_RATE`, `SMSQ_REGION`) or nearly like.

    A name unlike any setting is left alone: orchestrators make some, as `SMSQ_PORT_6379_TCP`.
    """
    tail = name.removeprefix("SMSQ")
    short_for = [k for k in known if k.startswith(f"{name}_") or k.endswith(tail)]
    return sorted(short_for) or difflib.get_close_matches(name, known, 1, cutoff=_TYPO_LIKENESS)


def _resolve_token(values: dict[str, Any], needs_gateway: bool, mistakes: list[str]) -> None:
    """Replace the token by the one in the token file; keep none where none is needed."""
    token, path = values["gateway_token"], values["gateway_token_file"]
    values["gateway_token"] = ""
    if not needs_gateway:
        return
    if token and path:
        mistakes.append("SMSQ_GATEWAY_TOKEN and SMSQ_GATEWAY_TOKEN_FILE are both set: keep one")
        return
    if path:
        try:
            token = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            mistakes.append(
                f"SMSQ_GATEWAY_TOKEN_FILE: cannot read it ({type(error).__name__}): "
                "write the path of a text file with the gateway's API key"
            )
            return
    if not token and path:
        mistakes.append("SMSQ_GATEWAY_TOKEN_FILE is an empty file: write the gateway's API key")
    elif not token:
        mistakes.append("SMSQ_GATEWAY_TOKEN: write the gateway's API key, or name a file with it")
    elif not token.isascii() or not token.isprintable():
        name = "SMSQ_GATEWAY_TOKEN_FILE" if path else "SMSQ_GATEWAY_TOKEN"
        mistakes.append(f"{name}: write printable ASCII characters on one line")
    values["gateway_token"] = token


def _find_contradictions(values: Mapping[str, Any], needs_gateway: bool) -> list[str]:
    found = []
    if needs_gateway and values.get("gateway_url") == "":
        found.append("SMSQ_GATEWAY_URL: write scheme and host, as in https://gateway.example")
    for name, signed in (("CALLBACK", "receipts"), ("WEBHOOK", "what is posted")):
        secret = cast(str, values[f"{name.lower()}_secret"])
        if values.get(f"{name.lower()}_url") and not secret:
            found.append(f"SMSQ_{name}_SECRET: SMSQ_{name}_URL needs a secret that signs {signed}")
        if secret and len(secret) < _MIN_SECRET:
            found.append(f"SMSQ_{name}_SECRET: write {_MIN_SECRET} characters or more")
    if values.get("webhook_url") and values.get("events_keep_s") == 0:
        found.append("SMSQ_EVENTS_KEEP_S is 0: SMSQ_WEBHOOK_URL needs news that is kept a while")
    for first, most in (("backoff_first_s", "backoff_max_s"), ("poll_first_s", "poll_max_s")):
        if first in values and most in values and values[first] > values[most]:
            names = [f"SMSQ_{name.upper()}" for name in (first, most)]
            found.append(f"{names[0]} is above {names[1]}: write a smaller one")
    return found

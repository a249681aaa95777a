"""Settings: the environment, read once into one frozen object; all mistakes are told together.

In:  environment variables named `SMSQ_...`. Out: `Settings`, or a `ConfigError` with every mistake.

What can be set stands in `smsq/environment/variables.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Self

from smsq.domain.heartbeat import Heartbeat
from smsq.domain.outcomes import GATEWAY_WORDS
from smsq.domain.quiet import QuietHours
from smsq.environment import parsers
from smsq.environment.console import is_console
from smsq.environment.guards.limits import Limit
from smsq.environment.least.files import read_secret_file, with_files
from smsq.environment.misspelt import find_misspelt
from smsq.environment.page.listen import Listen
from smsq.environment.page.users import WebUser, resolve_users
from smsq.environment.secrets import find_shared, split_secrets
from smsq.environment.tls import check_ca_file
from smsq.environment.variables import SETTINGS
from smsq.errors import ConfigError
from smsq.frames import guarded_function
from smsq.models import OnUnknown, RecipientState
from smsq.names import Durability, LogForm, LogLevel, Start

#: Settings of which the first means nothing above the second.
_NOT_ABOVE = (
    ("backoff_first_s", "backoff_max_s"),
    ("poll_first_s", "poll_max_s"),
    ("poll_first_s", "poll_horizon_s"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; units are in the names, meanings in `SETTINGS`."""

    redis_url: str = field(repr=False)
    redis_url_file: str
    broker_url: str = field(repr=False)
    broker_url_file: str
    redis_max_connections: int
    namespace: str
    gateway_url: str
    gateway_token: str = field(repr=False)
    gateway_token_file: str
    gateway_ca_file: str
    gateway_proxy: str = field(repr=False)
    alphaname_id: str
    rate_per_s: float
    burst: int
    in_flight: int
    poll_share: float
    timeout_s: float
    max_attempts: int
    backoff_first_s: float
    backoff_max_s: float
    on_unknown: OnUnknown
    bulk_max_recipients: int
    gather_s: float
    price_per_part: Decimal | None
    heartbeat: Heartbeat | None
    poll_first_s: float
    poll_max_s: float
    poll_horizon_s: float
    page_rows: int
    status_map: Mapping[str, RecipientState]
    callback_url: str
    callback_secret: str = field(repr=False)
    callback_secret_file: str
    timezone: str
    default_region: str
    accept_unknown_ranges: bool
    retention_s: int
    allowed_regions: tuple[str, ...]
    allowed_number_types: tuple[str, ...]
    per_phone: tuple[Limit, ...]
    smart_text: bool
    quiet_hours: QuietHours | None
    cap_per_day: int
    sandbox: bool
    sandbox_phones: tuple[str, ...] = field(repr=False)
    keep_texts: bool
    find_by_phone: bool
    durable_claims: Durability
    durable_enqueue: Durability
    events_keep_s: int
    webhook_url: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    webhook_secret_file: str
    webhook_start: Start
    webhook_ca_file: str
    webhook_proxy: str = field(repr=False)
    admin_listen: Listen
    web_readers: tuple[WebUser, ...] = field(repr=False)
    web_readers_file: str
    web_operators: tuple[WebUser, ...] = field(repr=False)
    web_operators_file: str
    log: LogForm
    log_level: LogLevel

    @classmethod
    @guarded_function
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        needs_gateway: bool = False,
        needs_webhook: bool = False,
        needs_page: bool = False,
        needs_sender: bool = False,
    ) -> Self:
        """Read the environment.

        Args:
            environ: None means `os.environ`.
            needs_gateway: True for processes that talk to the gateway: its address and token must
                be there. Others never read the token, so it cannot leak from them.
            needs_webhook: True for processes that post to the webhook.
            needs_page: True for the process that serves operators; no other keeps their passwords.
            needs_sender: True for apps whose calls name no sender.

        Raises:
            ConfigError: With every mistake found.
        """
        env = os.environ if environ is None else environ
        mistakes = list(find_misspelt(env, [setting.name for setting in SETTINGS]))
        env = with_files(env, mistakes)
        values = _parse(env, mistakes)
        broker_url = values.get("broker_url") or values.get("redis_url", "")
        values["broker_url"] = parsers.broker_of(broker_url)
        prints = is_console(values.get("gateway_url", ""))
        _resolve_token(values, needs_gateway and not prints, mistakes)
        mistakes += resolve_users(values, is_needed=needs_page)
        mistakes += _find_contradictions(values, needs_gateway)
        mistakes += find_shared(values.get("callback_secret"), values.get("webhook_secret"))
        mistakes += _find_unreadable(values, gateway=needs_gateway, webhook=needs_webhook)
        if needs_sender and not env.get("SMSQ_ALPHANAME_ID", "").strip():
            mistakes.append("SMSQ_ALPHANAME_ID: write your sender's id at the gateway")
        if mistakes:
            raise ConfigError(mistakes)
        return cls(**values)

    @property
    def words(self) -> Mapping[str, RecipientState]:
        """All of the gateway's words that are known, in lower case."""
        return {**GATEWAY_WORDS, **self.status_map}

    @property
    def callback_secrets(self) -> Sequence[str]:
        """The secrets of receipt URLs, the newest first: that one signs, all are accepted."""
        return split_secrets(self.callback_secret)

    @property
    def webhook_secrets(self) -> Sequence[str]:
        """The secrets of the webhook, the newest first: all sign."""
        return split_secrets(self.webhook_secret)

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


def _parse(env: Mapping[str, str], mistakes: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        text = env.get(setting.name, "").strip() or setting.default
        try:
            values[setting.field] = setting.parse(text) if text else setting.unset
        except ValueError as error:
            mistakes.append(f"{setting.name}: {error}")
    return values


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
        token = read_secret_file("SMSQ_GATEWAY_TOKEN", path, mistakes)
        if not token:
            return
    if not token:
        mistakes.append("SMSQ_GATEWAY_TOKEN: write the gateway's API key, or name a file with it")
    elif not token.isascii() or not token.isprintable():
        name = "SMSQ_GATEWAY_TOKEN_FILE" if path else "SMSQ_GATEWAY_TOKEN"
        mistakes.append(f"{name}: write printable ASCII characters on one line")
    values["gateway_token"] = token


def _find_unreadable(values: Mapping[str, Any], **needed: bool) -> Iterable[str]:
    """Look at files with certificates; who does not need one may not even have it."""
    for name, is_needed in needed.items():
        path = values[f"{name}_ca_file"]
        try:
            if is_needed and path:
                check_ca_file(path)
        except ValueError as error:
            yield f"SMSQ_{name.upper()}_CA_FILE: {error}"


def _find_contradictions(values: Mapping[str, Any], needs_gateway: bool) -> list[str]:
    found = []
    if needs_gateway and values.get("gateway_url") == "":
        found.append("SMSQ_GATEWAY_URL: write scheme and host, as in https://gateway.example")
    for name, signed in (("CALLBACK", "receipts"), ("WEBHOOK", "what is posted")):
        if values.get(f"{name.lower()}_url") and values.get(f"{name.lower()}_secret") == "":
            found.append(f"SMSQ_{name}_SECRET: SMSQ_{name}_URL needs a secret that signs {signed}")
    if values.get("webhook_url") and values.get("events_keep_s") == 0:
        found.append("SMSQ_EVENTS_KEEP_S is 0: SMSQ_WEBHOOK_URL needs events: write 60 or more")
    if values.get("heartbeat") and not values.get("alphaname_id"):
        found.append("SMSQ_ALPHANAME_ID: SMSQ_HEARTBEAT needs your sender's id at the gateway")
    for first, most in _NOT_ABOVE:
        if first in values and most in values and values[first] > values[most]:
            names = [f"SMSQ_{name.upper()}" for name in (first, most)]
            found.append(f"{names[0]} is above {names[1]}: write a smaller one")
    return found

"""Every environment variable of smsq: its name, default, parser and meaning. Pure.

In:  nothing. Out: `SETTINGS`, the one place where these stand; `.env.example` and the README's
table are tested against it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smsq import parsers
from smsq.models import OnUnknown


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
    Setting("SMSQ_GATHER_S", "2", parsers.number(0.1, 60), "seconds to gather single sends"),
    Setting(
        "SMSQ_PRICE_PER_PART",
        "",
        parsers.price,
        "what an SMS part costs, as in 0.035; for --dry-run and --max-price",
        unset=None,
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
    Setting(
        "SMSQ_QUIET_HOURS",
        "",
        parsers.quiet_hours,
        "no bulk then, as in 21:00-09:00; empty: off",
        unset=None,
    ),
    Setting("SMSQ_CAP_PER_DAY", "0", parsers.whole(0, 1000), "bulk per phone and day; 0: no cap"),
    Setting("SMSQ_KEEP_TEXTS", "0", parsers.flag, "1: keep texts after acceptance"),
    Setting("SMSQ_DURABLE_CLAIMS", "0", parsers.flag, "1: send only what is on Redis' disk"),
    Setting("SMSQ_EVENTS_KEEP_S", "86400", parsers.whole(0, 2_592_000), "keep news; 0: none"),
    Setting("SMSQ_WEBHOOK_URL", "", parsers.webhook_url, "where news is posted to"),
    Setting("SMSQ_WEBHOOK_SECRET", "", str, "signs what is posted; 16 characters or more"),
)

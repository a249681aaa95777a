"""Every environment variable of smsq: its name, default, parser and meaning. Pure.

In:  nothing. Out: `SETTINGS`, the one place for them; `.env.example`, docs/settings.md and the
README are tested against it.
"""

from __future__ import annotations

from smsq.domain.heartbeat import parse_heartbeat
from smsq.environment import parsers
from smsq.environment.event_variables import EVENT_SETTINGS, LOG_SETTINGS
from smsq.environment.guards.variables import GUARD_SETTINGS
from smsq.environment.page.variables import PAGE_SETTINGS
from smsq.environment.secrets import parse_secrets
from smsq.environment.setting import Setting
from smsq.models import OnUnknown
from smsq.names import DEFAULT_NAMESPACE, DEFAULT_REDIS_URL, Durability

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SMSQ_REDIS_URL",
        DEFAULT_REDIS_URL,
        parsers.redis_url,
        "Redis with the ledger (the record of all jobs)",
    ),
    Setting("SMSQ_REDIS_URL_FILE", "", str, "file that holds SMSQ_REDIS_URL, in place of it"),
    Setting(
        "SMSQ_BROKER_URL",
        "",
        parsers.broker_url,
        "Celery broker: Redis or RabbitMQ; empty: the same as SMSQ_REDIS_URL",
    ),
    Setting("SMSQ_BROKER_URL_FILE", "", str, "file that holds SMSQ_BROKER_URL, in place of it"),
    Setting(
        "SMSQ_REDIS_MAX_CONNECTIONS",
        "50",
        parsers.whole(2, 10_000),
        "most connections of a process to the ledger; whoever needs one more waits for it",
    ),
    Setting(
        "SMSQ_NAMESPACE",
        DEFAULT_NAMESPACE,
        parsers.namespace,
        "prefix of Redis keys and queues; one for each installation",
    ),
    Setting(
        "SMSQ_GATEWAY_URL",
        "",
        parsers.gateway_url,
        "scheme, host and port of the gateway (the provider's HTTP service); workers need it. "
        "console: prints instead, for development",
    ),
    Setting(
        "SMSQ_GATEWAY_TOKEN", "", str, "the gateway's API key; workers need it, here or in a file:"
    ),
    Setting("SMSQ_GATEWAY_TOKEN_FILE", "", str, "file that holds the gateway's API key"),
    Setting(
        "SMSQ_GATEWAY_CA_FILE",
        "",
        str,
        "PEM file with the only CAs to trust for the gateway; empty: the public ones",
    ),
    Setting(
        "SMSQ_GATEWAY_PROXY",
        "",
        parsers.proxy,
        "HTTP proxy on the way to the gateway: http://proxy.example:3128; empty: none",
    ),
    Setting(
        "SMSQ_ALPHANAME_ID",
        "",
        parsers.alphaname_id,
        "sender's id at the gateway, if a call gives none",
    ),
    Setting(
        "SMSQ_RATE_PER_S",
        "10",
        parsers.number(0.001, 10_000),
        "most gateway requests per second, all workers together",
    ),
    Setting(
        "SMSQ_BURST", "1", parsers.whole(1, 10_000), "requests that may start at the same moment"
    ),
    Setting(
        "SMSQ_IN_FLIGHT",
        "100",
        parsers.whole(1, 1000),
        "most requests that one worker waits for at the same time",
    ),
    Setting(
        "SMSQ_POLL_SHARE",
        "0.2",
        parsers.number(0, 0.9),
        "share of the rate kept for polls while sends wait: 0 to 0.9",
    ),
    Setting(
        "SMSQ_TIMEOUT_S", "15", parsers.number(0.1, 300), "most seconds for one gateway request"
    ),
    Setting(
        "SMSQ_MAX_ATTEMPTS",
        "8",
        parsers.whole(1, 1000),
        "failed attempts before a job is dead; an outage of the gateway does not count",
    ),
    Setting(
        "SMSQ_BACKOFF_FIRST_S",
        "1",
        parsers.number(0.01, 3600),
        "seconds before the second attempt, at most; then doubled",
    ),
    Setting(
        "SMSQ_BACKOFF_MAX_S",
        "300",
        parsers.number(0.01, 86_400),
        "longest pause between attempts, in seconds",
    ),
    Setting(
        "SMSQ_ON_UNKNOWN",
        "hold",
        parsers.choice(OnUnknown),
        "if a message may have been sent: hold (wait) or resend (may arrive twice)",
    ),
    Setting(
        "SMSQ_BULK_MAX_RECIPIENTS",
        "1000",
        parsers.whole(1, 100_000),
        "most recipients in one gateway request",
    ),
    Setting(
        "SMSQ_GATHER_S",
        "2",
        parsers.number(0.1, 60),
        "seconds that a gathered message waits to share a request",
    ),
    Setting(
        "SMSQ_PRICE_PER_PART",
        "",
        parsers.price,
        "price of one SMS part: 0.035; for --dry-run and --max-price",
        unset=None,
    ),
    Setting(
        "SMSQ_HEARTBEAT",
        "",
        parse_heartbeat,
        "an urgent message to a phone of your own at that pace: +375291234567@10m; empty: none",
        unset=None,
    ),
    Setting(
        "SMSQ_POLL_FIRST_S",
        "5",
        parsers.number(0.1, 86_400),
        "seconds from acceptance to the first poll for reports",
    ),
    Setting(
        "SMSQ_POLL_MAX_S",
        "43200",
        parsers.number(1, 604_800),
        "longest pause between polls of a message, in seconds",
    ),
    Setting(
        "SMSQ_POLL_HORIZON_S",
        "259200",
        parsers.number(1, 2_592_000),
        "reporting period: seconds until polling ends; the rest is no_report",
    ),
    Setting(
        "SMSQ_PAGE_ROWS",
        "1000",
        parsers.whole(1, 100_000),
        "rows to ask for in one page of reports",
    ),
    Setting(
        "SMSQ_STATUS_MAP",
        "",
        parsers.status_map,
        "meaning of more status words: read=delivered,blocked=undelivered",
        unset={},
    ),
    Setting(
        "SMSQ_CALLBACK_URL",
        "",
        parsers.base_url,
        "public base URL of smsq web, for the gateway's receipts",
    ),
    Setting(
        "SMSQ_CALLBACK_SECRET",
        "",
        parse_secrets,
        "signs receipt URLs; 16 characters or more; new,old while you change it",
    ),
    Setting("SMSQ_CALLBACK_SECRET_FILE", "", str, "file that holds SMSQ_CALLBACK_SECRET"),
    Setting(
        "SMSQ_TIMEZONE",
        "Europe/Minsk",
        parsers.timezone,
        "zone of the gateway's times, and of times without a zone",
    ),
    Setting(
        "SMSQ_DEFAULT_REGION",
        "BY",
        parsers.region,
        "country of phones written without + and country code",
    ),
    Setting(
        "SMSQ_ACCEPT_UNKNOWN_RANGES",
        "0",
        parsers.flag,
        "1: take phones of unknown ranges, with a +",
    ),
    Setting(
        "SMSQ_RETENTION_S",
        "2592000",
        parsers.whole(60, 315_360_000),
        "seconds that finished jobs are kept",
    ),
    *GUARD_SETTINGS,
    Setting(
        "SMSQ_KEEP_TEXTS", "0", parsers.flag, "1: keep texts after the gateway has accepted them"
    ),
    Setting(
        "SMSQ_FIND_BY_PHONE",
        "1",
        parsers.flag,
        "0: keep no index of phones; then no send is found by its phone",
    ),
    Setting(
        "SMSQ_DURABLE_CLAIMS",
        "0",
        parsers.choice(Durability),
        "1: send only after Redis has the claim on disk; replica: after a replica has it",
    ),
    Setting(
        "SMSQ_DURABLE_ENQUEUE",
        "0",
        parsers.choice(Durability),
        "1: a call ends only after Redis has the job on disk; replica: after a replica has it",
    ),
    *EVENT_SETTINGS,
    *PAGE_SETTINGS,
    *LOG_SETTINGS,
)

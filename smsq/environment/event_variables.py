"""What can be set about events, the webhook and logs; see `smsq/environment/variables.py`. Pure.

In:  nothing. Out: one row per environment variable.
"""

from __future__ import annotations

from smsq.environment import parsers
from smsq.environment.secrets import parse_signing_secrets
from smsq.environment.setting import Setting
from smsq.names import LogForm, LogLevel, Start

EVENT_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SMSQ_EVENTS_KEEP_S",
        "86400",
        parsers.whole(0, 2_592_000),
        "seconds that events are kept; 0: no events",
    ),
    Setting(
        "SMSQ_WEBHOOK_URL", "", parsers.webhook_url, "where smsq posts events to; empty: no webhook"
    ),
    Setting(
        "SMSQ_WEBHOOK_SECRET",
        "",
        parse_signing_secrets,
        "signs posted events; 16 characters or more; new,old while you change it",
    ),
    Setting("SMSQ_WEBHOOK_SECRET_FILE", "", str, "file that holds SMSQ_WEBHOOK_SECRET"),
    Setting(
        "SMSQ_WEBHOOK_START",
        "now",
        parsers.choice(Start),
        "where a new webhook begins: now, or oldest for all events that are kept",
    ),
    Setting("SMSQ_WEBHOOK_CA_FILE", "", str, "as SMSQ_GATEWAY_CA_FILE, for the webhook"),
    Setting("SMSQ_WEBHOOK_PROXY", "", parsers.proxy, "as SMSQ_GATEWAY_PROXY, for the webhook"),
)

LOG_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SMSQ_LOG",
        "text",
        parsers.choice(LogForm),
        "lines of the processes' logs: text for people, or json, one object a line",
    ),
    Setting(
        "SMSQ_LOG_LEVEL",
        "info",
        parsers.choice(LogLevel),
        "least level of the processes' logs: debug, info, warning or error",
    ),
)

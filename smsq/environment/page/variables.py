"""What can be set about the operators' page: rows of `smsq/environment/variables.py`. Pure.

In:  nothing. Out: one row per environment variable.
"""

from __future__ import annotations

from smsq.environment.page.listen import DEFAULT_ADMIN_LISTEN, parse_listen
from smsq.environment.page.users import parse_users
from smsq.environment.setting import Setting

PAGE_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SMSQ_ADMIN_LISTEN",
        DEFAULT_ADMIN_LISTEN,
        parse_listen,
        "host:port of smsq web for operators: the page, /metrics, a detailed /healthz",
    ),
    Setting(
        "SMSQ_WEB_READERS",
        "",
        parse_users,
        "who may look at the page: name:password,...; passwords of 12 characters or more",
        unset=(),
    ),
    Setting(
        "SMSQ_WEB_READERS_FILE",
        "",
        str,
        "the same as a file, a line each, as smsq web-user prints it",
    ),
    Setting(
        "SMSQ_WEB_OPERATORS",
        "",
        parse_users,
        "who may look at the page and act on it; written as SMSQ_WEB_READERS",
        unset=(),
    ),
    Setting(
        "SMSQ_WEB_OPERATORS_FILE",
        "",
        str,
        "the same as a file, a line each, as smsq web-user prints it, for SMSQ_WEB_OPERATORS",
    ),
)

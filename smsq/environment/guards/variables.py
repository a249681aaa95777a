"""Settings of who may be sent to, when, and how often. Pure.

In:  nothing. Out: rows of the table in `smsq/environment/variables.py`.
"""

from __future__ import annotations

from smsq.environment import parsers
from smsq.environment.guards.limits import parse_limits
from smsq.environment.guards.phones import parse_phones
from smsq.environment.guards.reach import parse_kinds, parse_regions
from smsq.environment.setting import Setting

GUARD_SETTINGS = (
    Setting(
        "SMSQ_ALLOWED_REGIONS",
        "",
        parse_regions,
        "regions that may be sent to: BY,PL; * for all; empty: SMSQ_DEFAULT_REGION alone",
        unset=(),
    ),
    Setting(
        "SMSQ_ALLOWED_NUMBER_TYPES",
        "mobile,fixed_or_mobile",
        parse_kinds,
        "types of numbers that may be sent to: also premium, fixed, global and others; * for all",
    ),
    Setting(
        "SMSQ_PER_PHONE",
        "10/1h",
        parse_limits,
        "most quick messages to one phone in a time: 10/1h,30/1d; 0: no limit",
    ),
    Setting(
        "SMSQ_SMART_TEXT",
        "0",
        parsers.flag,
        "1: write quotation marks, dashes and the like plainly where that saves parts",
        unset=False,
    ),
    Setting(
        "SMSQ_QUIET_HOURS",
        "",
        parsers.quiet_hours,
        "recipients' hours without campaigns: 21:00-09:00; empty: none",
        unset=None,
    ),
    Setting(
        "SMSQ_CAP_PER_DAY",
        "0",
        parsers.whole(0, 1000),
        "campaign messages per phone and day; 0: no limit",
    ),
    Setting(
        "SMSQ_SANDBOX",
        "0",
        parsers.flag,
        "1: a staging system: only SMSQ_SANDBOX_PHONES are really sent to, all others withheld",
        unset=False,
    ),
    Setting(
        "SMSQ_SANDBOX_PHONES",
        "",
        parse_phones,
        "phones that SMSQ_SANDBOX=1 sends to: +375291234567,+375297654321",
        unset=(),
    ),
)

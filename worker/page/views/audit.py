"""The page "Audit trail", for operators: who did what, and whether an entry is gone or was changed.

In:  the trail. Out: the template `audit.html`. Nothing is typed here: filters are links, so that no
phone gets into an address.
"""

from __future__ import annotations

import re

from smsq.audit.acts import MOST_NAME, Act
from worker.page.frame import Page, Shown, View, Visit

#: Entries on one page.
ROWS = 50

#: So long the first look at the chain is waited for.
_WAIT_S = 1.0

_OWN_ID = re.compile(r"[jc][0-9a-f]{16}")


def show(visit: Visit) -> Shown:
    """Show a page of entries, the newest first, the same to all operators."""
    by, act = (visit.query.get(name, "")[:MOST_NAME] for name in ("by", "act"))
    before = visit.query.get("before", "")
    found = visit.services.audit.read_page(by=by, act=act, before=before, limit=ROWS)
    return Shown(
        "audit.html",
        {
            "entries": found.entries,
            "older": found.before,
            "by": by,
            "act": act,
            "is_first": not before,
            "acts": [str(one) for one in Act],
            "verdict": visit.services.verdict.ask(wait_s=_WAIT_S),
            "has_page": _OWN_ID.fullmatch,
        },
    )


PAGE = Page("audit", views=[View("/audit", show, shared_s=2.0, again_s=15)], for_operators=True)

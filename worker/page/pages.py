"""The table of pages, in the order of the menu.

In:  nothing. Out: `PAGES`; `worker/page/app.py` makes routes of it, each behind the same gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from worker.page.frame import Page
from worker.page.views import audit, campaigns, find, history, now, stuck

PAGES: Sequence[Page] = (
    now.PAGE,
    campaigns.PAGE,
    find.PAGE,
    stuck.PAGE,
    history.PAGE,
    audit.PAGE,
)

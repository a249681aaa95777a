"""The page "Now": what waits, whether it goes, who works.

In:  the ledger. Out: the template `now.html`.
"""

from __future__ import annotations

from smsq.status.views import Views
from worker.page.frame import Page, Shown, View, Visit


def show(visit: Visit) -> Shown:
    """Show how everything is, the same to all viewers."""
    services = visit.services
    stats = Views(services.redis, services.scripts.keys).stats(services.settings.rate_per_s)
    return Shown("now.html", {"stats": stats})


PAGE = Page("now", views=[View("/", show, shared_s=2.0, again_s=5)])

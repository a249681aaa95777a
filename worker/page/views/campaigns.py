"""The page "Campaigns": how far each is, and what holds it up; operators pause, resume, cancel.

In:  the ledger. Out: the templates `campaigns.html` and `campaign.html`.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from smsq.models import RecipientState
from smsq.status.status import BrakeState, Campaign
from worker.page.frame import Act, Moved, Page, Shown, View, Visit

#: Campaigns on the page, the newest first.
MOST = 30

#: A pace is measured over so long at most, and shown from so much on.
_PACE_S, _LEAST_S = 300.0, 10.0

#: Campaigns whose pace is kept.
_MOST_PACES = 200

#: As they stand in a bar, from the left.
STATES = (
    *(RecipientState.DELIVERED, RecipientState.SENT, RecipientState.UNDELIVERED),
    *(RecipientState.NO_REPORT, RecipientState.WITHHELD, RecipientState.PENDING),
)


@dataclass
class Paces:
    """How fast campaigns go on, by what was read of them earlier, in this process."""

    clock: Callable[[], float] = time.monotonic
    _seen: OrderedDict[str, deque[tuple[float, int]]] = field(default_factory=OrderedDict)

    def note(self, campaign: Campaign) -> float | None:
        """Note how far one is.

        Returns:
            Recipients settled or sent a second; None while that is not known.
        """
        now_s = self.clock()
        seen = self._seen.setdefault(campaign.id, deque())
        self._seen.move_to_end(campaign.id)
        while len(self._seen) > _MOST_PACES:
            self._seen.popitem(last=False)
        seen.append((now_s, gone_out(campaign)))
        while now_s - seen[0][0] > _PACE_S:
            seen.popleft()
        (from_s, before), (_, after) = seen[0], seen[-1]
        return (after - before) / (now_s - from_s) if now_s - from_s >= _LEAST_S else None


#: Of this process.
paces = Paces()


@dataclass(frozen=True, slots=True)
class Row:
    """One campaign on the page.

    Attributes:
        per_s: Recipients a second; None while that is not known.
        segments: Of its bar: state, where it begins and how long it is, in hundredths.
    """

    campaign: Campaign
    per_s: float | None
    segments: list[tuple[RecipientState, float, float]]

    @property
    def left_s(self) -> float | None:
        """Seconds until the last is sent at this pace; None while nobody can know."""
        waiting = self.campaign.counts.get(RecipientState.PENDING, 0)
        return waiting / self.per_s if self.per_s and waiting else None

    @property
    def may_pause(self) -> bool:
        """Whether there is something to pause."""
        brake = self.campaign.brake
        return not self.campaign.is_final and (brake is None or brake.state is BrakeState.CANARY)

    @property
    def may_resume(self) -> bool:
        """Whether it is held up and can go on."""
        brake = self.campaign.brake
        return brake is not None and brake.state is not BrakeState.CANCELLED


def gone_out(campaign: Campaign) -> int:
    """Count recipients that wait no more."""
    return campaign.recipients - campaign.counts.get(RecipientState.PENDING, 0)


def cut_bar(counts: Mapping[RecipientState, int]) -> list[tuple[RecipientState, float, float]]:
    """Cut a bar of 100 into its states. Pure."""
    total, at, segments = sum(counts.values()), 0.0, []
    for state in STATES:
        if n := counts.get(state, 0):
            width = 100 * n / total
            segments.append((state, round(at, 2), round(width, 2)))
            at += width
    return segments


def make_row(campaign: Campaign) -> Row:
    """Make a row, and note the campaign's pace."""
    return Row(campaign, paces.note(campaign), cut_bar(campaign.counts))


def show_all(visit: Visit) -> Shown:
    """List the newest campaigns, the same to all viewers."""
    rows = [make_row(one) for one in visit.services.queue.campaigns(limit=MOST)]
    return Shown("campaigns.html", {"rows": rows, "states": STATES, "most": MOST})


def show_one(visit: Visit) -> Shown:
    """Show one campaign, with what an operator may do."""
    row = make_row(visit.services.queue.campaign(visit.path["campaign_id"]))
    waits_for_canary = (
        row.campaign.brake is not None and row.campaign.brake.state is BrakeState.CANARY
    )
    return Shown(
        "campaign.html", {"row": row, "states": STATES, "waits_for_canary": waits_for_canary}
    )


def pause(visit: Visit) -> Moved:
    """Hold it up until somebody resumes it."""
    is_done = visit.services.queue.pause(visit.path["campaign_id"], by=visit.by)
    return _back(visit, "said.campaign_paused" if is_done else "said.campaign_as_it_was")


def resume(visit: Visit) -> Moved:
    """Let it go on, without waiting for its canary where that is asked for."""
    is_done = visit.services.queue.resume(
        visit.path["campaign_id"], anyway="anyway" in visit.form, by=visit.by
    )
    return _back(visit, "said.campaign_resumed" if is_done else "said.campaign_as_it_was")


def cancel(visit: Visit) -> Moved:
    """Call off whatever of it was not sent."""
    visit.services.queue.cancel(visit.path["campaign_id"], by=visit.by)
    return _back(visit, "said.campaign_cancelled")


def _back(visit: Visit, said: str) -> Moved:
    return Moved(f"/campaigns/{visit.path['campaign_id']}", said)


PAGE = Page(
    "campaigns",
    views=[
        View("/campaigns", show_all, shared_s=3.0, again_s=10),
        View("/campaigns/{campaign_id}", show_one, shared_s=2.0, again_s=5),
    ],
    acts=[
        Act("/campaigns/{campaign_id}/pause", pause),
        Act("/campaigns/{campaign_id}/resume", resume),
        Act("/campaigns/{campaign_id}/cancel", cancel),
    ],
)

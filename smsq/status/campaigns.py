"""Campaigns in numbers: what a campaign's hash in the ledger says. Pure but for `list_campaigns`.

In:  the hash. Out: `Campaign`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from redis import Redis

from smsq.domain.own_names import read_own_names
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.mistakes import Mistake, MistakeCode
from smsq.models import FINAL_JOB_STATES, JobState, RecipientState
from smsq.status.gathered_sends import check_id, show_id
from smsq.status.status import Brake, BrakeState, Campaign, end_unsent
from smsq.status.timeline import from_ms
from smsq.store.keys import Keys

#: Redis takes no more; nobody reads so many.
_MOST_LISTED = 1_000_000

#: A campaign that goes on stands where its least advanced job stands.
_LEAST_ADVANCED_FIRST = (
    JobState.SUBMITTING,
    JobState.QUEUED,
    JobState.WAITING,
    JobState.UNKNOWN,
    JobState.ACCEPTED,
)
#: A finished campaign is done when any of its jobs is, else what most deserves a look.
_BEST_FIRST = (
    JobState.DONE,
    JobState.DEAD,
    JobState.REJECTED,
    JobState.EXPIRED,
    JobState.CANCELLED,
)


def list_campaigns(redis: Redis, keys: Keys, *, limit: int) -> list[Campaign]:
    """List the newest campaigns, the newest first.

    Args:
        redis: Client of the ledger.
        keys: Of its namespace.
        limit: At most so many; 1 or more.

    Raises:
        InvalidMessageError: `limit` is no such number.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_LISTED:
        told = f"limit: write a whole number, 1 to {_MOST_LISTED}"
        raise InvalidMessageError([Mistake(told, MistakeCode.OPTION_INVALID, "limit")])
    ids = cast("list[str]", redis.zrevrange(keys.campaigns, 0, limit - 1))
    pipeline = redis.pipeline(transaction=False)
    for campaign_id in ids:
        pipeline.hgetall(keys.campaign(campaign_id))
    found = zip(ids, pipeline.execute(), strict=True)
    return [read_campaign(campaign_id, campaign) for campaign_id, campaign in found if campaign]


def load_campaign(redis: Redis, keys: Keys, campaign_id: str) -> Campaign:
    """Read one campaign; its size does not matter.

    Raises:
        NotFoundError: No campaign has this id.
    """
    campaign = cast("dict[str, str]", redis.hgetall(keys.campaign(check_id(campaign_id))))
    if not campaign:
        raise NotFoundError(f"no campaign has the id {show_id(campaign_id)}")
    return read_campaign(campaign_id, campaign)


def read_campaign(campaign_id: str, campaign: Mapping[str, str]) -> Campaign:
    """Read a campaign's hash."""
    jobs = {state: int(campaign.get(f"job:{state}", 0)) for state in JobState}
    counts = {state: int(campaign.get(f"recipient:{state}", 0)) for state in RecipientState}
    names = read_own_names(campaign.get("names"))
    unsent = {state: int(campaign.get(f"unsent:{state}", 0)) for state in JobState}
    return Campaign(
        id=campaign_id,
        name=campaign.get("name", ""),
        state=campaign_state(jobs),
        created_at=from_ms(campaign.get("created_at_ms", 0)),
        jobs={state: n for state, n in jobs.items() if n},
        counts=end_unsent(counts, sum(unsent.values())),
        brake=_read_brake(campaign),
        unsent={state: n for state, n in unsent.items() if n},
        reference=names.reference,
        tags=names.tags,
    )


def _read_brake(campaign: Mapping[str, str]) -> Brake | None:
    since = from_ms(campaign.get("braked_at_ms", 0))
    if "brake" in campaign:
        return Brake(BrakeState(campaign["brake"]), campaign.get("brake_why", ""), since)
    if campaign.get("canary") == "waiting":
        size = int(campaign.get("canary_recipients", 0))
        why = f"the reports of the first {size:,} recipients are awaited"
        return Brake(BrakeState.CANARY, why, since)
    return None


def campaign_state(jobs: Mapping[JobState, int]) -> JobState:
    """Derive a campaign's state from how many of its jobs are in each state."""
    present = {state for state, n in jobs.items() if n > 0}
    if present - FINAL_JOB_STATES:
        return next(state for state in _LEAST_ADVANCED_FIRST if state in present)
    return next((state for state in _BEST_FIRST if state in present), JobState.DONE)

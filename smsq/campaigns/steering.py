"""Steering: what a web app does with campaigns and jobs that are on their way.

In:  ids. Out: campaigns held up, let go on, called off; what they are like now.
"""

from __future__ import annotations

import logging

from redis.exceptions import RedisError

from smsq.audit.acts import name_person
from smsq.campaigns.brakes import BrakePlan, Brakes
from smsq.ledger.producer import Producer
from smsq.models import JobState
from smsq.names import Task
from smsq.status.campaigns import list_campaigns, load_campaign
from smsq.status.status import Campaign

log = logging.getLogger(__name__)


class Steering:
    """Campaigns and jobs on their way; `SmsQueue` says what each method means.

    Args:
        producer: The web app's side of the queue.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._brakes = Brakes(producer.scripts)

    def cancel(self, some_id: str, *, whole_job: bool = False, by: str | None = None) -> int:
        """Cancel what nobody has claimed yet, of a job or of a campaign."""
        person = name_person(by)
        with self._producer.call(writes=True):
            self._producer.scoped(some_id, whole_job=whole_job)
            if self._producer.views.job_ids(some_id) == [some_id]:
                state = self._producer.ledger.cancel(some_id, by=person)
                return int(state is JobState.CANCELLED)
            self._brakes.cancel(some_id, by=person)
        self._align(some_id)
        # It is called off, whatever happens to the question how many jobs that were.
        with self._producer.call(writes=True, in_pieces=True):
            return load_campaign(
                self._producer.redis, self._producer.scripts.keys, some_id
            ).jobs.get(JobState.CANCELLED, 0)

    def pause(self, campaign_id: str, *, by: str | None = None) -> bool:
        """Pause a campaign until `resume`."""
        person = name_person(by)
        with self._producer.call(writes=True):
            is_changed = self._brakes.pause(campaign_id, by=person)
        self._align(campaign_id)
        return is_changed

    def resume(
        self,
        campaign_id: str,
        max_failed: float | None = None,
        *,
        anyway: bool = False,
        by: str | None = None,
    ) -> bool:
        """Let a campaign go on that was paused or has stopped itself."""
        person, plan = name_person(by), BrakePlan.check(None, max_failed)
        with self._producer.call(writes=True):
            is_changed = self._brakes.resume(
                campaign_id,
                by=person,
                max_failed_ppm=plan.max_failed_ppm,
                is_anyway=anyway,
            )
        self._align(campaign_id)
        return is_changed

    def campaigns(self, *, limit: int) -> list[Campaign]:
        """List the newest campaigns, the newest first."""
        with self._producer.call(writes=False):
            return list_campaigns(self._producer.redis, self._producer.scripts.keys, limit=limit)

    def campaign(self, campaign_id: str) -> Campaign:
        """Say how far a campaign is."""
        with self._producer.call(writes=False):
            return load_campaign(self._producer.redis, self._producer.scripts.keys, campaign_id)

    def _align(self, campaign_id: str) -> None:
        """Bring its jobs in line with what was decided; `recover` goes on where this ends early."""
        call_rings = self._producer.rings.of_call()
        try:
            while aligned := self._brakes.align(campaign_id):
                if aligned.due:
                    ids = [job.job_id for job in aligned.due]
                    call_rings.ring(Task.SEND_BULK, ids, aligned.due[0].priority)
                if not aligned.is_left:
                    break
        except RedisError as error:
            log.warning("aligning stopped, recover will go on: %s", type(error).__name__)

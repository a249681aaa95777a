"""Steering: what a web app does with campaigns and jobs that are on their way.

In:  ids. Out: campaigns held up, let go on, called off; what they are like now.
"""

from __future__ import annotations

import logging

from redis.exceptions import RedisError

from smsq.campaigns.brakes import BrakePlan, Brakes
from smsq.environment.who import who_am_i
from smsq.ledger.producer import Producer
from smsq.models import JobState
from smsq.names import Task
from smsq.status.campaigns import load_campaign

log = logging.getLogger(__name__)


class Steering:
    """Campaigns and jobs on their way; `SmsQueue` says what each method means.

    Args:
        producer: The web app's side of the queue.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._brakes = Brakes(producer.scripts)

    def cancel(self, some_id: str, *, whole_job: bool = False) -> int:
        """Cancel what nobody has claimed yet, of a job or of a campaign."""
        with self._producer.call(writes=True):
            self._producer.scoped(some_id, whole_job=whole_job)
            if self._producer.views.job_ids(some_id) == [some_id]:
                return int(self._producer.ledger.cancel(some_id) is JobState.CANCELLED)
            self._brakes.cancel(some_id, by=who_am_i())
        self._align(some_id)
        # It is called off, whatever happens to the question how many jobs that were.
        with self._producer.call(writes=True, in_pieces=True):
            return load_campaign(
                self._producer.redis, self._producer.scripts.keys, some_id
            ).jobs.get(JobState.CANCELLED, 0)

    def pause(self, campaign_id: str) -> bool:
        """Pause a campaign until `resume`."""
        with self._producer.call(writes=True):
            is_changed = self._brakes.pause(campaign_id, by=who_am_i())
        self._align(campaign_id)
        return is_changed

    def resume(
        self, campaign_id: str, *, max_failed: float | None = None, anyway: bool = False
    ) -> bool:
        """Let a campaign go on that was paused or has stopped itself."""
        plan = BrakePlan.check(None, max_failed)
        with self._producer.call(writes=True):
            is_changed = self._brakes.resume(
                campaign_id,
                by=who_am_i(),
                max_failed_ppm=plan.max_failed_ppm,
                is_anyway=anyway,
            )
        self._align(campaign_id)
        return is_changed

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

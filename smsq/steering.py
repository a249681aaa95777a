"""Steering: what a web app does with campaigns and jobs that are on their way.

In:  ids. Out: campaigns held up, let go on, called off; what they are like now.
"""

from __future__ import annotations

import logging

from redis import Redis
from redis.exceptions import RedisError

from smsq.brakes import BrakePlan, Brakes
from smsq.campaigns import list_campaigns, load_campaign
from smsq.connection import unavailable
from smsq.errors import InvalidMessageError
from smsq.failed import FailedReader
from smsq.keys import Keys
from smsq.ledger import Ledger
from smsq.models import JobState
from smsq.names import Task
from smsq.person import who_am_i
from smsq.rings import Rings
from smsq.settings import Settings
from smsq.status import Campaign
from smsq.views import Views

log = logging.getLogger(__name__)


class Steering:
    """Methods of `SmsQueue` for what is on its way already."""

    settings: Settings
    _redis: Redis
    _ledger: Ledger
    _views: Views
    _rings: Rings
    _brakes: Brakes

    def cancel(self, some_id: str, *, whole_job: bool = False) -> int:
        """Take back what nobody has claimed yet, of a job or of a campaign.

        A campaign is called off at once, whatever its size: nothing of it is claimed any more.

        Args:
            some_id: A job, a campaign or one gathered send.
            whole_job: True also takes the id of a gathered job, for all of its sends.

        Returns:
            Jobs that were not sent and will not be; 0 when it was too late, or may have been: an
            attempt before may have been accepted (`unknown`).

        Raises:
            NotFoundError: No job or campaign has this id, or it is a gathered job's.
        """
        with unavailable(self._redis, writes=True):
            if not whole_job:
                self._views.check_scope(some_id)
            if self._views.job_ids(some_id) == [some_id]:
                return int(self._ledger.cancel(some_id) is JobState.CANCELLED)
            self._brakes.cancel(some_id, by=who_am_i())
        self._align(some_id)
        # It is called off, whatever happens to the question how many jobs that were.
        with unavailable(self._redis, writes=True, in_pieces=True):
            return self._load(some_id).jobs.get(JobState.CANCELLED, 0)

    def pause(self, campaign_id: str) -> bool:
        """Hold a campaign up: from now on nothing of it is claimed, until `resume`.

        Requests that are on their way are answered; what has to be sent again waits, too.

        Returns:
            False when something held it up already, or nothing of it is left to be sent.

        Raises:
            NotFoundError: No campaign has this id.
            InvalidMessageError: It is cancelled.
        """
        with unavailable(self._redis, writes=True):
            is_changed = self._brakes.pause(campaign_id, by=who_am_i())
        self._align(campaign_id)
        return is_changed

    def resume(
        self, campaign_id: str, *, max_failed: float | None = None, anyway: bool = False
    ) -> bool:
        """Let a campaign go on that was paused or has stopped itself; its jobs keep their order.

        Args:
            campaign_id: Which one.
            max_failed: Its new bound, 0.1 for a tenth. None keeps the one it has; one that has
                stopped itself goes on without.
            anyway: True does not wait for its canary's reports.

        Returns:
            False when nothing held it up, or it waits for its canary.

        Raises:
            NotFoundError: No campaign has this id.
            InvalidMessageError: It is cancelled, or `max_failed` is no share.
        """
        plan = BrakePlan.check(None, max_failed)
        with unavailable(self._redis, writes=True):
            is_changed = self._brakes.resume(
                campaign_id,
                by=who_am_i(),
                max_failed_ppm=plan.max_failed_ppm,
                is_anyway=anyway,
            )
        self._align(campaign_id)
        return is_changed

    def campaigns(self, *, limit: int = 20) -> list[Campaign]:
        """List the newest campaigns, the newest first.

        Args:
            limit: At most so many; 1 or more.
        """
        if not isinstance(limit, int) or limit < 1:
            raise InvalidMessageError(["limit: write a whole number, 1 or more"])
        with unavailable(self._redis, writes=False):
            return list_campaigns(self._redis, Keys(self.settings.namespace), limit=limit)

    def campaign(self, campaign_id: str) -> Campaign:
        """Say how far a campaign is, without looking at its jobs.

        Raises:
            NotFoundError: No campaign has this id.
        """
        with unavailable(self._redis, writes=False):
            return self._load(campaign_id)

    def failed(
        self,
        some_id: str,
        *,
        cancelled: bool = False,
        no_report: bool = False,
        whole_job: bool = False,
    ) -> FailedReader:
        """Read the recipients of a job or campaign that got nothing, to send to them again.

        Dead jobs that can be retried are left out: `retryable` counts their recipients.

        Args:
            some_id: A job or a campaign.
            cancelled: True also reads those whose jobs were cancelled.
            no_report: True also reads those without a report: the gateway took their messages, and
                they may have got them.
            whole_job: True also takes the id of a gathered job, for all of its sends.

        Raises:
            NotFoundError: No job or campaign has this id, or it is a gathered job's.
        """
        with unavailable(self._redis, writes=False):
            if not whole_job:
                self._views.check_scope(some_id)
            ids = self._views.job_ids(some_id)
            return FailedReader(
                self._redis,
                Keys(self.settings.namespace),
                ids,
                cancelled=cancelled,
                with_no_report=no_report,
            )

    def _load(self, campaign_id: str) -> Campaign:
        return load_campaign(self._redis, Keys(self.settings.namespace), campaign_id)

    def _align(self, campaign_id: str) -> None:
        """Bring its jobs in line with what was decided; `recover` goes on where this ends early."""
        call_rings = self._rings.of_call()
        try:
            while aligned := self._brakes.align(campaign_id):
                if aligned.due:
                    ids = [job.job_id for job in aligned.due]
                    call_rings.ring(Task.SEND_BULK, ids, aligned.due[0].priority)
                if not aligned.is_left:
                    break
        except RedisError as error:
            log.warning("aligning stopped, recover will go on: %s", type(error).__name__)

"""Every Redis key that Python names; the scripts build the same names (lib.lua lists all).

In:  the namespace and ids. Out: key names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """Key names below one namespace."""

    namespace: str

    def job(self, job_id: str) -> str:
        """Hash: one job."""
        return f"{self.namespace}:job:{job_id}"

    def message(self, job_id: str, n: int) -> str:
        """Hash: message `n` of a job, counted from 1."""
        return f"{self.namespace}:message:{job_id}:{n}"

    def recipients(self, job_id: str, n: int, bucket: int) -> str:
        """Hash: phone → packed state."""
        return f"{self.namespace}:recipients:{job_id}:{n}:{bucket}"

    def gathered(self, job_id: str) -> str:
        """List: sends of a gathered job by ordinal, as `phone|ms.tag` or `phone|ms.tag|why|ms`."""
        return f"{self.namespace}:gathered:{job_id}"

    def left_out(self, job_id: str) -> str:
        """Hash: ordinal of a send that may be out and is not sent again → `why|claim|phone`."""
        return f"{self.namespace}:left_out:{job_id}"

    def names(self, job_id: str) -> str:
        """Hash: ordinal of a gathered job's send → what its caller calls it."""
        return f"{self.namespace}:names:{job_id}"

    def references(self, job_id: str, n: int, bucket: int) -> str:
        """Hash: phone → a reference of its own."""
        return f"{self.namespace}:references:{job_id}:{n}:{bucket}"

    @property
    def gathering(self) -> str:
        """Sorted set: open gathered job → when it closes (ms)."""
        return f"{self.namespace}:gathering"

    def texts(self, job_id: str, n: int) -> str:
        """Hash: phone → personal text, gone once the job is accepted or given up."""
        return f"{self.namespace}:texts:{job_id}:{n}"

    def receipts(self, job_id: str) -> str:
        """List: raw receipts of a job."""
        return f"{self.namespace}:receipts:{job_id}"

    def timeline(self, job_id: str) -> str:
        """List: what happened to a job, as `ms|what|detail`."""
        return f"{self.namespace}:timeline:{job_id}"

    def listed(self, state: str) -> str:
        """Sorted set: jobs that wait for an operator → since when (ms)."""
        return f"{self.namespace}:listed:{state}"

    def campaign(self, campaign_id: str) -> str:
        """Hash: one campaign's counters."""
        return f"{self.namespace}:campaign:{campaign_id}"

    def campaign_jobs(self, campaign_id: str) -> str:
        """List: job ids of a campaign."""
        return f"{self.namespace}:campaign_jobs:{campaign_id}"

    @property
    def campaigns(self) -> str:
        """Sorted set: campaign → when it was enqueued (ms)."""
        return f"{self.namespace}:campaigns"

    @property
    def aligning(self) -> str:
        """Sorted set: campaign → when its jobs are to be brought in line with its brake (ms)."""
        return f"{self.namespace}:aligning"

    @property
    def launching(self) -> str:
        """Sorted set: committed campaign with jobs not in line yet → when to go on with it (ms)."""
        return f"{self.namespace}:launching"

    @property
    def drafts(self) -> str:
        """Sorted set: <campaign>|<name of its draft> → when to take it for left behind (ms)."""
        return f"{self.namespace}:drafts"

    def draft(self, name: str) -> str:
        """Hash: how far a campaign in the making is."""
        return f"{self.namespace}:draft:{name}"

    def staged(self, campaign_id: str) -> str:
        """List: job ids of a campaign that is not committed."""
        return f"{self.namespace}:staged:{campaign_id}"

    def ready(self, priority: str) -> str:
        """Sorted set: queued jobs → since when (ms)."""
        return f"{self.namespace}:ready:{priority}"

    def idempotency(self, digest: str) -> str:
        """String: idempotency key → id|content digest."""
        return f"{self.namespace}:key:{digest}"

    def calendar(self, week: int) -> str:
        """Hash: rule|region → quiet hours and days of a week since 1970."""
        return f"{self.namespace}:calendar:{week}"

    def optout(self, shard: int) -> str:
        """Set: phones that take no messages."""
        return f"{self.namespace}:optout:{shard}"

    @property
    def optouts(self) -> str:
        """String: how many phones take no messages; not there for none."""
        return f"{self.namespace}:optouts"

    @property
    def counts(self) -> str:
        """Hash: jobs and recipients per state."""
        return f"{self.namespace}:counts"

    @property
    def heartbeat_sms(self) -> str:
        """Hash: the last heartbeat SMS, and when one arrived (status/heartbeat_sms.py)."""
        return f"{self.namespace}:heartbeat_sms"

    @property
    def words(self) -> str:
        """Hash: words of the gateway's that we do not know → how often they came."""
        return f"{self.namespace}:words"

    @property
    def due(self) -> str:
        """Sorted set: every job → when it needs its next look (ms)."""
        return f"{self.namespace}:due"

    @property
    def polls(self) -> str:
        """Sorted set: message → when to ask for reports (ms)."""
        return f"{self.namespace}:polls"

    @property
    def limiter(self) -> str:
        """Hash: the cluster's limiter and its clock."""
        return f"{self.namespace}:limiter"

    @property
    def disk(self) -> str:
        """String with a time to live: written to see whether writes reach the disk."""
        return f"{self.namespace}:disk"

    @property
    def fitness(self) -> str:
        """Written and deleted, to see what the server's user may do."""
        return f"{self.namespace}:fitness"

    @property
    def workers(self) -> str:
        """Sorted set: worker → when its consumer last asked for rings (ms)."""
        return f"{self.namespace}:workers"

    @property
    def versions(self) -> str:
        """Hash: worker → `since (ms) version` of smsq."""
        return f"{self.namespace}:versions"

    @property
    def settings(self) -> str:
        """Hash: `name=value` of a setting → when (ms) and by whom that was said last."""
        return f"{self.namespace}:settings"

    @property
    def events(self) -> str:
        """Stream: news of what changed."""
        return f"{self.namespace}:events"

    @property
    def event_groups(self) -> str:
        """Sorted set: group of readers of the stream → when a reader joined it last (s)."""
        return f"{self.namespace}:event_groups"

    @property
    def webhook(self) -> str:
        """Hash: how far news was taken out for the webhook, and how its receiver is."""
        return f"{self.namespace}:webhook"

    def delivery(self, delivery_id: str) -> str:
        """Hash: news on its way to the webhook."""
        return f"{self.namespace}:delivery:{delivery_id}"

    @property
    def deliveries(self) -> str:
        """Sorted set: delivery → when to post it (ms)."""
        return f"{self.namespace}:deliveries"

    @property
    def dead_deliveries(self) -> str:
        """Sorted set: delivery that was given up → since when (ms)."""
        return f"{self.namespace}:dead_deliveries"

    def console(self, message_id: int) -> str:
        """String with a time to live: phones of a message that `console:` accepted, as JSON."""
        return f"{self.namespace}:console:{message_id}"

    @property
    def ticks(self) -> str:
        """Hash: when beat's ticks were taken and sent."""
        return f"{self.namespace}:ticks"

    @property
    def heartbeat(self) -> str:
        """String with a time to live: beat's ticks are being worked off."""
        return f"{self.namespace}:heartbeat"

    @property
    def audit(self) -> str:
        """Stream: who did what, each entry chained to the one before."""
        return f"{self.namespace}:audit"

    @property
    def audit_head(self) -> str:
        """String: id and digest of its newest entry."""
        return f"{self.namespace}:audit_head"

    @property
    def page_key(self) -> str:
        """String: signs the sessions of the operators' page."""
        return f"{self.namespace}:page_key"

    @property
    def page_ended(self) -> str:
        """Sorted set: session that was logged out → when it would have ended (s)."""
        return f"{self.namespace}:page_ended"

    def page_tries(self, who: str) -> str:
        """String with a time to live: when the next attempt to log in is on time (ms)."""
        return f"{self.namespace}:page_tries:{who}"

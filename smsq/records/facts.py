"""Facts: what a line of the log says of a claim, beside its words. Pure.

In:  claims. Out: mappings to log with; config/json_lines.py makes fields of them.
"""

from __future__ import annotations

from typing import Any

from smsq.records.jobs import Claim, PollClaim


def of_job(claim: Claim, **more: Any) -> dict[str, Any]:
    """Name a job and its attempt, and what else is to be said."""
    return {
        "job": claim.job_id,
        "campaign": claim.campaign_id,
        "kind": claim.kind,
        "priority": claim.priority,
        "attempt": claim.attempts,
        **more,
    }


def of_message(claim: PollClaim, **more: Any) -> dict[str, Any]:
    """Name a message that is polled, and what else is to be said."""
    return {"job": claim.ref.partition(":")[0], "message_ref": claim.ref, **more}

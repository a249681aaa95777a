"""Another time for a quick job that no worker has claimed yet.

In:  a job and a time. Out: the job, due at that time.
"""

from __future__ import annotations

from datetime import UTC, datetime

from smsq.audit.acts import name_person
from smsq.errors import InvalidMessageError, NotFoundError
from smsq.intake.fields import Fields
from smsq.intake.new_jobs import in_ms
from smsq.ledger.producer import Producer
from smsq.mistakes import Mistake, MistakeCode
from smsq.status.gathered_sends import check_id, show_id

_REFUSALS = {
    "past": "send_at is in the past: write a later time",
    "expires": "send_at lies after the time at which the job expires: write an earlier time",
    "kind": "only quick jobs have a send_at: cancel the campaign and enqueue it anew",
}


def reschedule(
    producer: Producer, job_id: str, send_at: datetime, *, by: str | None = None
) -> None:
    """Send a quick job that no worker has claimed yet at another time.

    Args:
        producer: The web app's side of the queue.
        job_id: Queued or waiting.
        send_at: Aware, and later than now.
        by: Who, for the audit trail; None is whoever runs this process.

    Raises:
        NotFoundError: No job has this id.
        InvalidMessageError: The time is past or after the job's expiry, it is too late for the
            job, or it is no quick job; or `by` is no name.
        QueueUnavailableError: Redis did not answer; repeating the call is safe.
    """
    person, now = name_person(by), datetime.now(UTC)
    fields = Fields(producer.settings, now, [])
    moment = fields.moment("send_at", send_at)
    if moment is None and not fields.mistakes:
        fields.add(MistakeCode.TIME_TYPE, "send_at", "send_at is missing: write a time")
    if moment is None or fields.mistakes:
        raise InvalidMessageError(fields.mistakes)
    with producer.call(writes=True):
        said = f"to {moment.astimezone(UTC).isoformat(timespec='seconds')}"
        due_in_s = (moment - now).total_seconds()
        args = (check_id(job_id), in_ms(due_in_s), person, said)
        answer = producer.scripts.run("reschedule", *args)
    if answer == "missing":
        raise NotFoundError(f"no job has the id {show_id(job_id)}")
    if answer != "ok":
        late = f"job {job_id} is {answer}: it is too late to reschedule it"
        code = MistakeCode.TIME_PAST if answer == "past" else MistakeCode.TOO_LATE
        raise InvalidMessageError([Mistake(_REFUSALS.get(answer, late), code, "send_at")])

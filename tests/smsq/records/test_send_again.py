"""The same key again: what a repetition gives, and when it may send what ended unsent."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from smsq import SmsQueue
from smsq.domain.outcomes import Verdict
from smsq.errors import InvalidMessageError, KeyConflictError
from smsq.ledger.stored_id import StoredId
from smsq.models import BulkMessage, JobState, MessageRequest, QuickMessage
from smsq.records.jobs import Claim
from smsq.settings import Settings
from tests.smsq.ledger.test_doubt import TEMPORARY, tell_receipt
from tests.smsq.world import ACCEPTED, PLAN, UNKNOWN, World

PHONE, OTHER = "375291234567", "375291234568"
KINDS = ["quick", "send", "campaign"]
UNSENT = ["cancelled", "expired", "rejected", "dead", "withheld"]


class Caller:
    """One caller with one key, and the workers who see what it sends."""

    def __init__(self, settings: Settings, kind: str) -> None:
        self.kind = kind
        self.world = World(settings)
        self.queue = SmsQueue(settings=settings)
        self.queue._producer.scripts._clock = lambda: self.world.now_us

    def send(self, *, again: Any = False, text: str = "sent", **options: Any) -> StoredId:
        shared = {"key": "order 7", "again": again, **options}
        if self.kind == "campaign":
            message = BulkMessage(name="Order", text=text, phones=[PHONE, OTHER])
            return self.queue.send_bulk([message], **shared)
        if self.kind == "send":
            return self.queue.send_personal(PHONE, text, **shared)
        return self.queue.send_quick(PHONE, text, **shared)

    def claim(self) -> Claim:
        self.world.pass_s(10)
        self.world.recover()
        claim = self.world.take()
        assert isinstance(claim, Claim)
        return claim

    def settle(self, verdict: Verdict) -> None:
        self.world.claims.settle(self.claim(), verdict, PLAN)

    def end(self, some_id: str, how: str) -> None:
        """Bring what is stored to an end, or to what is none yet."""
        if how == "cancelled":
            self.queue.cancel(some_id)
        elif how == "expired":
            self.world.pass_s(61)
            self.world.recover()
            assert self.world.take() is None
        elif how == "withheld":
            self.queue.optout.add([PHONE, OTHER])
            self.world.pass_s(10)
            self.world.recover()
            assert self.world.take() is None
            self.queue.optout.remove([PHONE, OTHER])
        elif how == "submitting":
            self.claim()
        elif how == "dead after a lost answer":
            self.settle(Verdict(state=JobState.WAITING, delay_s=1, error="", error_class="unknown"))
            self.settle(Verdict(state=JobState.DEAD, error="500"))
        elif how != "queued":
            self.settle({"unknown": UNKNOWN, "accepted": ACCEPTED}.get(how) or
                        Verdict(state=JobState(how), error="no"))  # fmt: skip

    def close(self) -> None:
        self.queue.close()
        self.world.redis.close()


@pytest.fixture(params=KINDS)
def caller(settings: Settings, request: pytest.FixtureRequest) -> Any:
    made = Caller(settings, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("how", UNSENT)
def test_what_ended_unsent_is_returned_as_it_is_and_sent_again_when_asked(
    caller: Caller, how: str
) -> None:
    if how == "expired" and caller.kind == "campaign":
        pytest.skip("campaigns do not expire")
    options: dict[str, Any] = {"expires_in_s": 60} if how == "expired" else {}
    first = caller.send(**options)
    caller.end(first, how)
    ended = JobState.DONE if how == "withheld" else JobState(how)

    repeated = caller.send(**options)
    assert (repeated, repeated.is_new, repeated.state) == (first, False, ended)
    if how == "dead" and caller.kind == "campaign":
        with pytest.raises(KeyConflictError, match="cancel it first"):
            caller.send(again=True)
        caller.queue.cancel(first)
    new = caller.send(again=True)

    assert new.is_new
    assert new != first
    caller.settle(ACCEPTED)
    assert caller.queue.status(new).state is JobState.ACCEPTED
    assert caller.send() == new


@pytest.mark.parametrize("kind", ["quick", "send"])
def test_what_was_dead_and_is_sent_again_cannot_be_retried(settings: Settings, kind: str) -> None:
    caller = Caller(settings, kind)
    first = caller.send()
    caller.end(first, "dead")
    caller.send(again=True)

    plan = (PLAN.first_ms, PLAN.horizon_ms)
    answer = caller.world.scripts.run(
        "stuck_job", first.split(".")[0], "retry", "ops@host", "", *plan
    )
    assert answer[0] == "not"
    assert caller.queue.status(first).state is JobState.CANCELLED
    caller.settle(ACCEPTED)
    assert caller.world.take() is None
    caller.close()


@pytest.mark.parametrize(
    "how", ["queued", "submitting", "unknown", "accepted", "dead after a lost answer"]
)
def test_what_was_sent_or_may_be_is_never_sent_again(caller: Caller, how: str) -> None:
    first = caller.send()
    caller.end(first, how)

    with pytest.raises(KeyConflictError, match=f"again is refused.*{first}") as refused:
        caller.send(again=True)

    assert any(
        advice in str(refused.value) for advice in ("cancel it", "new key", "settle", "leave again")
    )
    assert caller.send() == first


@pytest.mark.parametrize("how", ["cancelled", "withheld"])
def test_what_is_proven_after_it_ended_unsent_is_not_sent_again(caller: Caller, how: str) -> None:
    """The gateway said 503, and had taken it."""
    first = caller.send()
    if caller.kind == "send":
        caller.queue.send_personal("375447654321", "a neighbour")
    claim = caller.claim()
    caller.world.claims.settle(claim, TEMPORARY, PLAN)
    if (caller.kind, how) == ("send", "withheld"):
        withhold(caller)
    else:
        caller.end(first, how)

    tell_receipt(caller.world, claim.job_id)

    with pytest.raises(KeyConflictError, match="again is refused"):
        caller.send(again=True)


def withhold(caller: Caller) -> None:
    """Opt out of a job that goes on with others."""
    caller.queue.optout.add([PHONE])
    caller.settle(TEMPORARY)
    caller.queue.optout.remove([PHONE])


def test_a_campaign_of_which_one_was_sent_to_is_not_sent_again(settings: Settings) -> None:
    caller = Caller(settings, "campaign")
    first = caller.queue.send_bulk(
        [BulkMessage(name=str(n), text="t", phones=[PHONE]) for n in range(2)], key="order 7"
    )
    caller.settle(ACCEPTED)
    caller.queue.cancel(first)

    with pytest.raises(KeyConflictError, match="again is refused"):
        caller.send(again=True)
    caller.close()


def test_again_may_mend_what_was_rejected(settings: Settings) -> None:
    caller = Caller(settings, "quick")
    caller.end(caller.send(), "rejected")

    assert caller.send(again=True, text="mended").is_new
    assert not caller.send(text="mended").is_new
    with pytest.raises(KeyConflictError, match="other content"):
        caller.send()
    caller.close()


def test_again_with_a_new_key_is_a_first_call(caller: Caller) -> None:
    assert caller.send(again=True).is_new


def test_an_interrupted_campaign_that_is_sent_again_goes_on_where_it_stopped(
    settings: Settings,
) -> None:
    caller = Caller(settings, "campaign")
    caller.end(caller.send(), "cancelled")
    queue = caller.queue
    left = queue._bulk.draft(key="order 7", again=True)
    head = MessageRequest(name="Order", alphaname_id="123", text="sent", recipients={})
    left.start_message(head)
    left.add(PHONE, None)
    left._close_message()
    left._stage()

    draft = queue._bulk.draft(key="order 7", again=True)
    assert draft.resumed == 1
    draft.start_message(head)
    draft.add(PHONE, None)
    assert queue._bulk.commit(draft).is_new
    assert queue._bulk.commit(draft) == draft.id  # its answer may have been lost
    caller.close()


def test_again_needs_a_key(caller: Caller) -> None:
    with pytest.raises(InvalidMessageError, match="again needs the key"):
        caller.send(again=True, key=None)
    with pytest.raises(InvalidMessageError, match="again is str"):
        caller.send(again="yes")


def test_how_a_message_is_handled_may_differ_and_the_first_calls_options_hold(
    settings: Settings,
) -> None:
    caller = Caller(settings, "quick")
    first = caller.send(expires_in_s=60, on_unknown="hold")

    same = caller.send(expires_in_s=7, on_unknown="resend", priority="urgent")
    assert (same, same.is_new) == (first, False)
    assert caller.world.redis.hget(caller.world.keys.job(first), "on_unknown") == "hold"
    caller.close()


@pytest.mark.parametrize(
    "how", ["queued", "waiting", "unknown", "dead", "accepted", "rescheduled", "paused"]
)
def test_a_key_has_no_time_of_its_own(caller: Caller, how: str) -> None:
    first = caller.send()
    keys = caller.world.keys
    if how == "rescheduled":
        caller.world.scripts.run("reschedule", first, caller.world.now_ms + 10**10, "me@here", "")
    elif how == "paused" and caller.kind == "campaign":
        caller.queue.pause(first)
    elif how != "paused":
        caller.end(first, how)

    found = list(caller.world.redis.scan_iter(keys.idempotency("*")))
    assert [caller.world.redis.pttl(name) for name in found] == [-1]
    assert caller.send() == first


def test_many_messages_tell_each_whether_it_is_new(queue: SmsQueue) -> None:
    message = QuickMessage(phone=PHONE, text="sent", key="order 7")
    without_key = QuickMessage(phone=PHONE, text="sent")
    first, second, other = queue.send_quick_many([message, message, without_key])

    assert [first.is_new, second.is_new, other.is_new] == [True, False, True]
    assert first == second
    assert first.state is JobState.QUEUED


def test_an_id_is_a_string_wherever_one_is_wanted() -> None:
    some_id = StoredId("j1", is_new=False, state=JobState.DEAD)

    assert json.dumps({"id": some_id}) == '{"id": "j1"}'
    assert some_id in {"j1"}
    for made in (pickle.loads(pickle.dumps(some_id)), copy.deepcopy(some_id), copy.copy(some_id)):
        assert (made, made.is_new, made.state) == ("j1", False, JobState.DEAD)
        assert isinstance(made, StoredId)

"""Finding, explored: whatever happens to sends, what is found is what is kept, and nothing else.

The model is a list of all sends that there ever were. Those whose job is in the ledger are found.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, rule

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.domain.own_names import OwnNames
from smsq.finding.summary import JobSummary
from smsq.intake.new_jobs import new_job_id
from smsq.models import JobState, Kind, MessageRequest
from smsq.names import Queue
from smsq.records.jobs import Claim, Idempotency, NewJob
from smsq.settings import Settings
from tests.smsq.finding.searched import finder_of, index_of
from tests.smsq.gathering.test_gathering import new_send
from tests.smsq.life import Life, live, profile
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS

PHONES = [f"37529{1_234_560 + n}" for n in range(4)]
REFERENCES = ("order-1", "order-2", "заказ 3")
phones = st.sampled_from(PHONES)
references = st.sampled_from((None, *REFERENCES))
VERDICTS = (
    ACCEPTED,
    Verdict(state=JobState.REJECTED, error="no", error_class="refused"),
    Verdict(state=JobState.DEAD, error="503", error_class="temporary"),
)


@dataclass(frozen=True)
class Sent:
    """One recipient, as the model remembers it: `found_by` is its id in a search by reference."""

    id: str
    phone: str
    reference: str | None
    found_by: str


class FindingLife(Life):
    sends = Bundle("sends")

    def __init__(self) -> None:
        super().__init__()
        self.finder = finder_of(self.world)
        self.sent: list[Sent] = []

    def _note(self, some_id: str, phone: str, reference: str | None, found_by: str = "") -> Sent:
        sent = Sent(some_id, phone, reference, found_by or some_id)
        self.sent.append(sent)
        return sent

    @rule(target=sends, phone=phones, reference=references, tag=st.sampled_from(((), ("otp",))))
    def send_quick(self, phone: str, reference: str | None, tag: tuple[str, ...]) -> Sent:
        names = OwnNames(reference, tag).pack()
        request = MessageRequest(name="", alphaname_id="1", text="a", recipients={phone: None})
        job = NewJob(
            id=new_job_id(),
            kind=Kind.QUICK,
            priority=Queue.NORMAL,
            fields={"on_unknown": "hold", **({"names": names} if names else {})},
            messages=[request],
            has_phone=True,
        )
        self.world.ledger.enqueue(job, Idempotency())
        return self._note(job.id, phone, reference)

    @rule(target=sends, phone=phones, reference=references)
    def gather(self, phone: str, reference: str | None) -> Sent:
        names = OwnNames(reference).pack()
        send = replace(new_send(self.world, 0), phone=phone, names=names, has_phone=True)
        own_id, _ = self.world.ledger.gather(send, Idempotency())
        return self._note(own_id, phone, reference)

    @rule(target=sends, rows=st.dictionaries(phones, references, min_size=1), name=references)
    def send_campaign(self, rows: dict[str, str | None], name: str | None) -> object:
        names = OwnNames(name).pack()
        fields = {"on_unknown": "hold", **({"names": names} if names else {})}
        draft = CampaignDraft(self.world.staging, fields=fields, max_recipients=4)
        draft.start_message(MessageRequest(name="S", alphaname_id="1", text="a", recipients={}))
        for phone, reference in rows.items():
            draft.add(phone, None, reference)
        draft.commit(Idempotency())
        [job_id] = draft.job_ids
        made = [self._note(job_id, phone, reference) for phone, reference in rows.items()]
        if name:
            self._note(job_id, "", name, found_by=draft.id)
        return multiple(*made)

    @rule(send=sends)
    def cancel(self, send: Sent) -> None:
        if self.world.redis.exists(self.world.keys.job(send.id.split(".")[0])):
            self.world.ledger.cancel(send.id)

    @rule(verdict=st.sampled_from(VERDICTS))
    def work(self, verdict: Verdict) -> None:
        claim = self.world.take()
        if isinstance(claim, Claim):
            self.world.claims.settle(claim, verdict, PLAN)

    @rule(seconds=st.sampled_from((1, 700, PLAN.horizon_ms / 1000, RETENTION_MS / 1000)))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_s(seconds)
        for _ in range(5):
            self.world.recover()

    @invariant()
    def what_is_kept_is_found(self) -> None:
        kept = [one for one in self.sent if self._is_kept(one)]
        for phone in PHONES:
            found = self.finder.find(phone=phone)
            assert _ids(found) == sorted(one.id for one in kept if one.phone == phone)
            times = [one.created_at for one in found]
            assert times == sorted(times, reverse=True)
        for reference in REFERENCES:
            found = self.finder.find(reference=reference)
            expected = sorted(one.found_by for one in kept if one.reference == reference)
            assert _ids(found) == expected
        jobs = {one.id.split(".")[0] for one in kept}
        listed = [one.id for one in self.finder.jobs()]
        assert len(listed) == len(set(listed))
        assert set(listed) == jobs

    @invariant()
    def nothing_leads_to_what_is_gone(self) -> None:
        for key, entries in index_of(self.world).items():
            skipped = 3 if ":index:" in key else 0
            for entry in entries:
                [owner] = re.findall(r"^(\w+)", entry[skipped:])
                assert self.world.redis.exists(
                    self.world.keys.job(owner), self.world.keys.campaign(owner)
                )

    def teardown(self) -> None:
        """Everything ends, and is taken away: so is the index."""
        for _ in range(12):
            self.world.pass_s(RETENTION_MS / 1000)
            while isinstance(claim := self.world.take(), Claim):
                self.world.claims.settle(claim, VERDICTS[1], PLAN)
            self.world.recover()
            if not self.world.redis.exists(self.world.keys.due):
                break
        assert index_of(self.world) == {}
        super().teardown()

    def _is_kept(self, one: Sent) -> bool:
        return bool(self.world.redis.exists(self.world.keys.job(one.id.split(".")[0])))


def _ids(found: list[JobSummary]) -> list[str]:
    return sorted(one.id for one in found)


@pytest.mark.machine
@pytest.mark.timeout(300)
def test_what_is_found_is_what_is_kept_whatever_happens(settings: Settings) -> None:
    live(FindingLife, settings, profile(examples=40, on_fakeredis=2, steps=25))

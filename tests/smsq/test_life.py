"""An example of a machine is replayed as it was: only what is drawn is random in it."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from smsq.intake.new_jobs import new_campaign_id, new_job_id
from smsq.records.tags import new_tag
from smsq.settings import Settings
from tests.smsq.life import Life, live, profile


class Namer(Life):
    made: ClassVar[dict[tuple[int, int], list[str]]] = {}

    @initialize(seed=st.integers(0, 3))
    def choose_ids(self, seed: int) -> None:
        super().choose_ids(seed)
        self.seed, self.count = seed, 0

    @rule()
    def make_ids(self) -> None:
        ids = [new_job_id(), new_campaign_id(), new_tag()]
        self.count += 1
        assert self.made.setdefault((self.seed, self.count), ids) == ids


def test_a_replayed_example_makes_the_same_ids(settings: Settings) -> None:
    live(Namer, settings, profile(examples=10, on_fakeredis=5, steps=5, deep=40))
    assert new_job_id() not in {ids[0] for ids in Namer.made.values()}

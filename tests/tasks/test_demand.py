"""Demand: a thread is sent for all that waits, and never for more than the capacity."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tasks.demand import Demand, Step


class OneProcess(RuleBasedStateMachine):
    """A line of jobs, and the threads of one process as the engine runs them.

    What Redis does and what the process notes of it are apart: anything may come between them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.counted: int | None = None
        self.claims: list[bool] = []
        self.demand = Demand(capacity=4)

    def at(self, step: Step) -> int:
        return self.demand.threads[step]

    @initialize(jobs=st.integers(1, 9))
    def begin(self, jobs: int) -> None:
        self.ring(jobs)

    @precondition(lambda self: self.demand.is_asleep)
    @rule(jobs=st.integers(0, 5))
    def ring(self, jobs: int) -> None:
        self.waiting += jobs
        self.demand.is_wanted = True

    @precondition(lambda self: self.demand.allows_turn)
    @rule()
    def ask(self) -> None:
        self.demand.ask()

    @precondition(lambda self: self.at(Step.ASKING) and self.counted is None)
    @rule()
    def reserve(self) -> None:
        self.counted = self.waiting

    @precondition(lambda self: self.counted is not None)
    @rule()
    def note_slot(self) -> None:
        counted, self.counted = self.counted, None
        if counted:
            self.demand.hold(counted)
        else:
            self.demand.give_up(Step.ASKING, is_wanted=False)

    @precondition(lambda self: self.at(Step.ASKING) and self.counted is None)
    @rule()
    def lose_redis(self) -> None:
        self.demand.give_up(Step.ASKING, is_wanted=True)

    @precondition(lambda self: self.at(Step.HOLDING))
    @rule()
    def begin_claim(self) -> None:
        self.demand.claim()

    @precondition(lambda self: self.at(Step.CLAIMING) > len(self.claims))
    @rule(is_void=st.booleans())
    def claim(self, is_void: bool) -> None:
        """A claim is void where the gate closed meanwhile."""
        has_claim = bool(self.waiting) and not is_void
        self.waiting -= has_claim
        self.claims.append(has_claim)

    @precondition(lambda self: self.claims)
    @rule()
    def note_claim(self) -> None:
        if self.claims.pop(0):
            self.demand.request(leaves_more=False)
        else:
            self.demand.give_up(Step.CLAIMING, is_wanted=True)

    @precondition(lambda self: self.at(Step.HOLDING))
    @rule()
    def find_slot_void(self) -> None:
        self.demand.give_up(Step.HOLDING, is_wanted=True)

    @precondition(lambda self: self.waiting)
    @rule()
    def lose_a_job_to_another_process(self) -> None:
        self.waiting -= 1

    @precondition(lambda self: self.demand.on_their_way)
    @rule(is_page=st.booleans())
    def answer(self, is_page: bool) -> None:
        self.waiting += is_page
        self.demand.settle(brings_more=is_page)

    @invariant()
    def no_job_waits_while_all_sleep(self) -> None:
        assert not (self.waiting and self.demand.is_asleep)

    @invariant()
    def every_job_that_waits_has_a_thread_that_comes_for_it(self) -> None:
        may_claim = self.at(Step.HOLDING) + self.at(Step.CLAIMING) - len(self.claims)
        comes = self.demand.is_wanted or self.at(Step.ASKING) or may_claim >= self.waiting
        assert comes or False in self.claims

    @invariant()
    def the_capacity_is_kept(self) -> None:
        assert self.demand.threads.total() + self.demand.on_their_way <= 4
        assert self.at(Step.ASKING) <= 1


TestOneProcess = OneProcess.TestCase
TestOneProcess.settings = settings(max_examples=60, deadline=None)


def test_one_job_sends_for_one_thread() -> None:
    demand = Demand(capacity=100, is_wanted=True)
    demand.ask()
    demand.hold(waiting=1)
    assert not demand.allows_turn
    demand.claim()
    demand.request(leaves_more=False)

    assert demand.is_asleep
    assert not demand.allows_turn


def test_two_jobs_send_for_two_threads_before_either_is_claimed() -> None:
    demand = Demand(capacity=100, is_wanted=True)
    demand.ask()
    demand.hold(waiting=2)
    assert demand.allows_turn
    demand.ask()
    demand.hold(waiting=2)

    assert not demand.allows_turn


def test_a_thread_that_claims_may_have_taken_its_job_before_the_count() -> None:
    demand = Demand(capacity=100, is_wanted=True)
    demand.ask()
    demand.hold(waiting=3)
    demand.claim()
    demand.ask()
    demand.hold(waiting=2)

    assert demand.allows_turn

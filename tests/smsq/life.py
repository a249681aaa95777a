"""What the state machines of the ledger share: a world each, how often they run, what they leave.

Names are unlike `test_...`: hypothesis would run a machine that pytest finds in every module.
"""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, run_state_machine_as_test

from smsq.intake import new_jobs
from smsq.records import tags
from smsq.settings import Settings
from tests.conftest import HAS_REDIS, is_deep
from tests.smsq.world import World
from tests.support import forget


class Letters(random.Random):
    """What ids are made of, in place of `secrets`: the same in each replay of an example.

    With other ids a replay takes other steps: jobs are listed by id, and pauses are spread by it.
    """

    def token_hex(self, size: int) -> str:
        """As in `secrets`."""
        return self.randbytes(size).hex()


class Life(RuleBasedStateMachine):
    """A machine with a ledger of its own for each example."""

    base_settings: Settings
    letters: Letters
    world_type: type[World] = World

    def __init__(self) -> None:
        super().__init__()
        self.letters.seed("before ids are chosen")
        environ = {
            "SMSQ_REDIS_URL": self.base_settings.redis_url,
            "SMSQ_NAMESPACE": f"{self.base_settings.namespace}.{uuid.uuid4().hex[:8]}",
        }
        self.world = self.world_type(Settings.from_env(environ))

    @initialize(seed=st.integers(0, 1000))
    def choose_ids(self, seed: int) -> None:
        """So jobs come in other orders by id than they were made in."""
        self.letters.seed(seed)

    def teardown(self) -> None:
        """Leave nothing; a machine that ends something first calls this after it."""
        forget(self.world.redis, f"{self.world.keys.namespace}:")
        self.world.redis.close()


def profile(*, examples: int, on_fakeredis: int, steps: int, deep: int = 20) -> hypothesis_settings:
    """How often a machine runs in `make test`, and how many times as often in `make chaos`.

    fakeredis takes thirty times as long. `make test` tries half of the examples, the same ones
    each time, so that it fails for the change at hand alone; `make chaos` looks for new ones.
    """
    shallow = (examples + 1) // 2 if HAS_REDIS else on_fakeredis
    return hypothesis_settings(
        max_examples=examples * deep if is_deep() else shallow,
        stateful_step_count=steps,
        deadline=None,
        derandomize=not is_deep(),
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def live(machine: type[Life], base_settings: Settings, runs: hypothesis_settings) -> None:
    """Run a machine on a Redis."""
    letters = Letters()
    bound = type("Machine", (machine,), {"base_settings": base_settings, "letters": letters})
    with pytest.MonkeyPatch.context() as patch:
        for module in (new_jobs, tags):
            patch.setattr(module, "secrets", letters)
        run_state_machine_as_test(bound, settings=runs)

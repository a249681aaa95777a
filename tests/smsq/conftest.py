"""What tests of the library may ask for beside a queue: a ledger on a clock that they move."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smsq.settings import Settings
from tests.smsq.world import World


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    """A ledger of this test's own."""
    made = World(settings)
    yield made
    made.redis.close()

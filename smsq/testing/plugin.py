"""The pytest plugin: fixtures for a web app's tests. pytest loads it in every run.

In:  nothing. Out: the fixtures; what they need is imported when a test asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from smsq.testing.sms_gateway import SmsGateway
    from smsq.testing.sms_outbox import Outbox


@pytest.fixture
def sms_outbox() -> Iterator[Outbox]:
    """What the test enqueued, on whichever queue: nothing leaves the process."""
    from smsq.testing import outbox  # noqa: PLC0415 - a run without SMS pays nothing

    with outbox() as messages:
        yield messages


@pytest.fixture
def sms_gateway(sms_outbox: Outbox) -> Iterator[SmsGateway]:
    """A simulated gateway for what is in the test's outbox; `drain()` sends it and polls."""
    from smsq.testing import gateway  # noqa: PLC0415

    with gateway(sms_outbox) as made:
        yield made

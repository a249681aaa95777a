"""A worker's means within a test: no thread, no limit of the rate, no broker.

In:  a queue's namespace, a gateway's address. Out: `Resources`, which the steps of workers take.

Its settings are those of the environment, as a worker's are, but for what would make a test wait.
"""

from __future__ import annotations

from dataclasses import replace

from smsq.names import Durability
from smsq.settings import Settings
from smsq.steps.resources import Resources

#: So fast that only a closed gate is in the way.
_RATE_PER_S, _BURST = 1_000_000.0, 1000

#: A gateway in the same process has answered by then, however busy the machine is.
_TIMEOUT_S = 30.0

TOKEN = "simulator-token"  # noqa: S105 - of the simulator


def build_worker(namespace: str, gateway_url: str) -> Resources:
    """Build what a worker of a queue has; connections are made when first used."""
    settings = replace(
        Settings.from_env(),
        namespace=namespace,
        gateway_url=gateway_url,
        gateway_token=TOKEN,
        gateway_ca_file="",
        gateway_proxy="",
        callback_url="",
        rate_per_s=_RATE_PER_S,
        burst=_BURST,
        timeout_s=_TIMEOUT_S,
        durable_claims=Durability.NONE,
    )
    return Resources.build(settings)

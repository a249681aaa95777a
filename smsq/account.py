"""What a failed request says about the account, and what about its own job. Pure.

In:  a failure, and what its request was. Out: how many like it close the gate, and for how long.

One request that fails may be one message's fault: its sender, its words, a firewall that does not
like them. That it is the account's is told by its words, or by different requests that fail alike
while none passes. The limiter's scripts count (lua/lately.lua, lua/gate.lua); the rules are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from smsq.errors import BusyError, GatewayError, MisconfiguredError, TemporaryError
from smsq.models import Kind, Outcome


class Scope(StrEnum):
    """Whose fault a failure is, as far as is known."""

    ALL = "all"  #: the account's: the gate is closed
    ALONE = "alone"  #: nobody else got it since a request passed
    OWN = "own"  #: others passed since the same job, or message, got it last


class Endpoint(StrEnum):
    """What a request asked for; a success of one says little about another."""

    QUICK = "quick"
    BULK = "bulk"
    POLL = "poll"

    @classmethod
    def of(cls, kind: Kind) -> Endpoint:
        """Choose the endpoint that jobs of a kind are sent through."""
        return cls.QUICK if kind is Kind.QUICK else cls.BULK


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """How failures of one class close the gate.

    Attributes:
        different: So many different jobs or messages that fail alike, none passing in between;
            0: only a probe's failure does.
        least: So many different ones where three fail in a row, alike or not.
        first_s, max_s: The pause doubles with each closing in a row, from the one to the other.
        is_fixed: True where it is `max_s` at once.
        lowers_rate: Whether the rate was too high.
    """

    different: int
    least: int
    first_s: float
    max_s: float
    is_fixed: bool = False
    lowers_rate: bool = False


#: How long a wrong token or address closes the gate before one more try.
BROKEN_CLOSE_S = 60.0

BUSY = GateRule(different=1, least=1, first_s=0.2, max_s=60, lowers_rate=True)
BROKEN = GateRule(different=1, least=1, first_s=BROKEN_CLOSE_S, max_s=BROKEN_CLOSE_S, is_fixed=True)
#: Nothing is lost by a try that reaches nobody: the first come soon, for a gateway that restarts.
NOT_SENT = GateRule(different=2, least=1, first_s=0.2, max_s=45)

#: Each try while answers cannot be read may leave one more job unknown: they are rarer.
RULES: Mapping[Outcome, GateRule] = MappingProxyType(
    {
        Outcome.BUSY: BUSY,
        Outcome.NO_MONEY: GateRule(different=1, least=1, first_s=5, max_s=300),
        Outcome.MISCONFIGURED: GateRule(different=2, least=2, first_s=1, max_s=60),
        Outcome.NOT_SENT: NOT_SENT,
        Outcome.TEMPORARY: GateRule(different=3, least=2, first_s=1, max_s=60),
        Outcome.UNKNOWN: GateRule(different=3, least=2, first_s=5, max_s=300),
    }
)

#: A message that cannot be polled is asked for later and harms nobody. What polls alone say keeps
#: messages from being sent for a few seconds at most.
_POLLS = GateRule(different=2, least=2, first_s=1, max_s=5)
POLL_RULES: Mapping[Outcome, GateRule] = MappingProxyType(
    {
        Outcome.BUSY: BUSY,
        Outcome.NO_MONEY: _POLLS,
        Outcome.MISCONFIGURED: _POLLS,
        Outcome.NOT_SENT: NOT_SENT,
        Outcome.TEMPORARY: GateRule(different=0, least=9, first_s=1, max_s=60),
    }
)


def find_rule(failure: GatewayError, endpoint: Endpoint) -> GateRule | None:
    """Choose how a failure closes the gate; None where it says nothing about the account."""
    if isinstance(failure, MisconfiguredError) and failure.is_certain:
        return BROKEN
    return (POLL_RULES if endpoint is Endpoint.POLL else RULES).get(failure.outcome)


def say_why(failure: GatewayError) -> str:
    """Say for operators why the gate is closed."""
    match failure.outcome:
        case Outcome.BUSY:
            return "429: the gateway asked us to slow down"
        case Outcome.NO_MONEY:
            return f"the balance does not pay for it: {failure.reason}"
        case Outcome.NOT_SENT:
            return f"the gateway cannot be reached: {failure.reason}"
        case Outcome.TEMPORARY:
            return f"the gateway fails: {failure.reason}"
        case Outcome.UNKNOWN:
            return f"the gateway's answers cannot be read: {failure.reason}"
        case _:
            return failure.reason


def read_pause_s(failure: GatewayError) -> float | None:
    """The pause that the gateway asked for; None when it did not."""
    return failure.retry_after_s if isinstance(failure, BusyError | TemporaryError) else None


@dataclass(frozen=True, slots=True)
class Heard:
    """What the limiter made of a failure.

    Attributes:
        scope: Whose fault it is.
        times: How often in a row the job, or message, failed so; 1 or more.
        times_own: How often others passed through the same endpoint in between.
    """

    scope: Scope = Scope.ALL
    times: int = 1
    times_own: int = 0

"""What a failed request says about the account, and what about its own job. Pure.

In:  a failure, and what its request was. Out: how many like it close the gate, and for how long.

One request that fails may be one message's fault: its sender, its words, a firewall that does not
like them. That it is the account's is told by its words together with its status, or by different
requests to one endpoint that fail alike while none passes there. Each endpoint has a gate of its
own: what fails through one may pass through another. The limiter's scripts count
(recent_failures.lua and gate.lua in pacing/); the rules are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from smsq.errors import BusyError, GatewayError, MisconfiguredError, TemporaryError
from smsq.models import Kind, Outcome


class Scope(StrEnum):
    """Whose fault a failure is, as far as is known."""

    ALL = "all"  #: the account's, or its endpoint's: the gate is closed
    ALONE = "alone"  #: nobody else got it since a request passed through the same endpoint
    OWN = "own"  #: others passed there since the same job, or message, got it last


class Endpoint(StrEnum):
    """What a request asked for; a success of one says little about another."""

    QUICK = "quick"
    BULK = "bulk"
    POLL = "poll"

    @property
    def path(self) -> str:
        """Its name in the gateway's own words."""
        return _PATHS[self]

    @classmethod
    def of(cls, kind: Kind) -> Endpoint:
        """Choose the endpoint that jobs of a kind are sent through."""
        return cls.QUICK if kind is Kind.QUICK else cls.BULK


_PATHS = {
    Endpoint.QUICK: "sendQuickSMS",
    Endpoint.BULK: "sendBulkSms",
    Endpoint.POLL: "getSmsDeliveryList",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """How failures of one class close the gate of their endpoint.

    Attributes:
        different: So many different jobs or messages that fail alike, none passing in between.
        least: So many different ones where three fail in a row, alike or not.
        first_s, max_s: The pause doubles with each closing in a row, from the one to the other.
        is_fixed: True where it is `max_s` at once.
        is_of_rate: Whether the rate was too high: that is the same for all endpoints, so the one
            gate for all is closed.
    """

    different: int
    least: int
    first_s: float
    max_s: float
    is_fixed: bool = False
    is_of_rate: bool = False


#: How long a wrong token or address closes the gate before one more try.
BROKEN_CLOSE_S = 60.0

BUSY = GateRule(different=1, least=1, first_s=0.2, max_s=60, is_of_rate=True)
BROKEN = GateRule(different=1, least=1, first_s=BROKEN_CLOSE_S, max_s=BROKEN_CLOSE_S, is_fixed=True)
#: Nothing is lost by a try that reaches nobody: the first come soon, for a gateway that restarts.
NOT_SENT = GateRule(different=2, least=1, first_s=0.2, max_s=45)

#: What a status of its own says. Words alone may be about one message, so two have to get them.
CERTAIN: Mapping[int, tuple[Outcome, GateRule]] = MappingProxyType(
    {
        402: (Outcome.NO_MONEY, GateRule(different=1, least=1, first_s=5, max_s=300)),
        429: (Outcome.BUSY, BUSY),
    }
)

#: Each try while answers cannot be read may leave one more job unknown: they are rarer.
RULES: Mapping[Outcome, GateRule] = MappingProxyType(
    {
        Outcome.BUSY: replace(BUSY, different=2, least=2),
        Outcome.NO_MONEY: GateRule(different=2, least=2, first_s=5, max_s=300),
        Outcome.MISCONFIGURED: GateRule(different=2, least=2, first_s=1, max_s=60),
        Outcome.NOT_SENT: NOT_SENT,
        Outcome.TEMPORARY: GateRule(different=3, least=2, first_s=1, max_s=60),
        Outcome.UNKNOWN: GateRule(different=3, least=2, first_s=5, max_s=300),
    }
)


def find_rule(failure: GatewayError) -> GateRule | None:
    """Choose how a failure closes the gate; None where it says nothing about the account."""
    if isinstance(failure, MisconfiguredError) and failure.is_certain:
        return BROKEN
    outcome, rule = CERTAIN.get(failure.status or 0, (None, None))
    return rule if outcome is failure.outcome else RULES.get(failure.outcome)


def name_closing(failure: GatewayError, rule: GateRule, endpoint: Endpoint | None) -> str:
    """Say for operators which gate is closed, and why."""
    why = say_why(failure)
    return why if rule.is_of_rate or endpoint is None else f"{endpoint.path}: {why}"


def say_why(failure: GatewayError) -> str:
    """Say for operators why a gate is closed."""
    match failure.outcome:
        case Outcome.BUSY:
            return f"{failure.reason}: the gateway asked us to slow down"
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
        why: What is closed, and why, where it is everybody's.
    """

    scope: Scope = Scope.ALL
    times: int = 1
    times_own: int = 0
    why: str = ""

"""Every error smsq raises, in one tree.

    SmsqError
    ├── ConfigError                settings are missing or wrong; says all of them at once
    ├── InvalidMessageError        a call cannot be sent as it is (also a ValueError)
    ├── QueueUnavailableError      Redis cannot be reached; says whether the job may be stored
    ├── NotFoundError              no job or campaign has this id
    ├── KeyConflictError           the key was used before with other content
    ├── LimitedError               the phone got as many messages as SMSQ_PER_PHONE allows
    ├── WebhookError               a post to your webhook is not genuine, or cannot be read
    └── GatewayError               one request to the gateway did not end in acceptance
        ├── RefusedError           refused for good: the job is rejected
        ├── MisconfiguredError     token or address is wrong, if others get it too: sending stops
        ├── NoMoneyError           the account's balance is used up: sending stops, jobs wait
        ├── BusyError              429: wait, nothing is lost and no attempt is counted
        ├── TemporaryError         5xx: try again later
        ├── NotSentError           failed before the request was written: try again later
        ├── UnpreparedError        no request could be made: the job is set aside
        └── UnknownOutcomeError    written, and no readable answer: it may have been accepted

No message here holds a token, a text or a full phone number, and none of these errors carries the
foreign exception it was made from: a chained exception would bring the request's address, and with
it the token, into logs and Flower.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from smsq.mistakes import MistakeCode, as_mistakes
from smsq.models import Outcome

#: Why a post to the webhook is refused.
WebhookProblem = Literal["no_signature", "wrong_signature", "too_old", "unreadable"]


def say_unforeseen(what: str, error: Exception) -> str:
    """Say that something unforeseen was raised: its class alone, for its words may hold a text."""
    return f"{what} ({type(error).__name__})"


class SmsqError(Exception):
    """Base of everything smsq raises on purpose."""


class ConfigError(SmsqError):
    """Settings are missing or wrong, or a call needs one that is not set: the sender.

    Attributes:
        mistakes: One `Mistake` per wrong setting: a sentence that says what to write instead, with
            the setting's name as its `field`.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = as_mistakes(mistakes, MistakeCode.SETTING_INVALID)

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[str, ...]]]:
        return type(self), (self.mistakes,)


class InvalidMessageError(SmsqError, ValueError):
    """A call cannot be sent as it is; nothing was stored.

    Attributes:
        mistakes: One `Mistake` per mistake found: a sentence that says what to write instead, with
            `code`, `field` and `owner` for programs.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = as_mistakes(mistakes, MistakeCode.INVALID)

    def __reduce__(self) -> tuple[type[InvalidMessageError], tuple[tuple[str, ...]]]:
        return type(self), (self.mistakes,)


class QueueUnavailableError(SmsqError):
    """Redis did not answer in time.

    Attributes:
        may_be_stored: True when the write was sent but its answer never came. Repeat the call with
            the same `key`: it returns the stored job or stores it once.
    """

    def __init__(self, reason: str, *, may_be_stored: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.may_be_stored = may_be_stored

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reason,), {"may_be_stored": self.may_be_stored}


class NotFoundError(SmsqError):
    """No job or campaign has this id (or its retention has passed)."""


class KeyConflictError(SmsqError):
    """The idempotency key was used before with other content.

    Attributes:
        stored: Of a call for many messages: their ids in order, None for each that was refused. It
            is empty where the call was for one.
        conflicts: Of a call for many: which messages were refused, counted from 1, and their keys.
    """

    def __init__(
        self,
        reason: str,
        *,
        stored: Sequence[str | None] = (),
        conflicts: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stored = tuple(stored)
        self.conflicts: Mapping[int, str] = dict(conflicts or {})

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reason,), {"stored": self.stored, "conflicts": self.conflicts}


class LimitedError(SmsqError):
    """The phone got as many messages as `SMSQ_PER_PHONE` allows; nothing was stored.

    Attributes:
        retry_after_s: Seconds until one more is taken, at least; of a call for many the longest.
        stored: Of a call for many messages: their ids in order, None for each that was refused. It
            is empty where the call was for one.
        limited: Of a call for many: number of each message refused for this, from 1 → its seconds.
    """

    def __init__(
        self,
        reason: str,
        retry_after_s: float,
        *,
        stored: Sequence[str | None] = (),
        limited: Mapping[int, float] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_s = reason, retry_after_s
        self.stored, self.limited = tuple(stored), dict(limited or {})

    def __reduce__(self) -> tuple[object, ...]:
        more = {"stored": self.stored, "limited": self.limited}
        return type(self), (self.reason, self.retry_after_s), more


class WebhookError(SmsqError):
    """A post to your webhook is not from smsq, or cannot be read; nothing of it may be believed.

    Attributes:
        code: `no_signature`, `wrong_signature`, `too_old` (or ahead of the clock), or `unreadable`:
            signed, but no events.
        reason: The same in words.
    """

    def __init__(self, code: WebhookProblem, reason: str) -> None:
        super().__init__(reason)
        self.code: WebhookProblem = code
        self.reason = reason

    def __reduce__(self) -> tuple[type[WebhookError], tuple[str, str]]:
        return type(self), (self.code, self.reason)


class GatewayError(SmsqError):
    """One gateway request did not end in acceptance.

    Attributes:
        outcome: What the failure means for the job.
        status: HTTP status, None when no answer came.
    """

    outcome: ClassVar[Outcome]

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.reason,), dict(vars(self))


class RefusedError(GatewayError):
    """The gateway refused the request for good; repeating it cannot help."""

    outcome = Outcome.REFUSED


class MisconfiguredError(GatewayError):
    """The gateway does not know our token or address, or so it answered this one request.

    Attributes:
        is_certain: True where its words, or TLS, leave no doubt: it is not the request's fault.
    """

    outcome = Outcome.MISCONFIGURED

    def __init__(self, reason: str, *, status: int | None = None, is_certain: bool = False) -> None:
        super().__init__(reason, status=status)
        self.is_certain = is_certain


class NoMoneyError(GatewayError):
    """The account's balance does not pay for this request."""

    outcome = Outcome.NO_MONEY


class BusyError(GatewayError):
    """The gateway asked us to slow down (429).

    Attributes:
        retry_after_s: Seconds the gateway asked us to wait; None when it did not say.
    """

    outcome = Outcome.BUSY

    def __init__(
        self, reason: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason, status=status)
        self.retry_after_s = retry_after_s


class TemporaryError(GatewayError):
    """The gateway failed (5xx) without accepting.

    Attributes:
        retry_after_s: Seconds the gateway asked us to wait; None when it did not say.
    """

    outcome = Outcome.TEMPORARY

    def __init__(
        self, reason: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason, status=status)
        self.retry_after_s = retry_after_s


class NotSentError(GatewayError):
    """The request failed before its first byte was written."""

    outcome = Outcome.NOT_SENT


class UnpreparedError(GatewayError):
    """Something unforeseen was raised before the request was written."""

    outcome = Outcome.UNPREPARED


class UnknownOutcomeError(GatewayError):
    """The request was written and no readable answer came: it may have been accepted."""

    outcome = Outcome.UNKNOWN

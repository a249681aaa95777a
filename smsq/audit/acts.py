"""What the audit trail keeps: the acts, and who did them. Pure, but for the name at the keyboard.

In:  a person's name and words. Out: the same, fit to be kept and shown; or what is wrong with them.
"""

from __future__ import annotations

import re
from enum import StrEnum

from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError
from smsq.mistakes import Mistake, MistakeCode
from smsq.text.phones import mask_phone

#: Characters of a name.
MOST_NAME = 100

#: Characters of what is kept beside an act.
MOST_DETAIL = 300

#: The target of what is done to all sending.
ALL = "all"


class Act(StrEnum):
    """What somebody did."""

    PAUSE = "pause"  #: all sending, or a campaign
    RESUME = "resume"
    RATE = "rate"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    RESEND = "resend"
    SETTLE = "settle"
    RETRY = "retry"
    ATTACH = "attach"
    OPTOUT_ADD = "optout add"
    OPTOUT_REMOVE = "optout remove"
    OPTOUT_IMPORT = "optout import"
    OPTOUT_LIST = "optout list"  #: read in full, as all below
    WEBHOOK_REPLAY = "webhook replay"
    WEBHOOK_RESUME = "webhook resume"
    RECIPIENTS = "recipients"
    FAILED = "failed"
    FIND = "find"
    EXPORT = "export"
    PERSON = "person"  #: shown what is kept of a phone
    FORGET = "forget"  #: had a person forgotten


#: Digits that may be a phone's, with what people write between them. Left alone are ids of ours,
#: and dates that no digits follow but a time.
_NUMBERS = re.compile(
    r"(?P<ours>\b[jc][0-9a-f]{16}\b"
    r"|\b20\d\d-[01]\d-[0-3]\d(?:(?=[T ][0-2]\d:)|(?![\s().\-\u2010-\u2013/]*\d)))"
    r"|\+?\d(?:[\s().\-\u2010-\u2013/]*\d){6,}"
)


def name_person(by: str | None) -> str:
    """Check who acts; None is whoever runs this process, as user@host.

    Returns:
        The name, phones in it masked.

    Raises:
        InvalidMessageError: It is no name of 1 to 100 characters on one line.
    """
    if by is None:
        return who_am_i()
    if not isinstance(by, str) or not by.strip() or len(by) > MOST_NAME or not by.isprintable():
        told = f"by: write who acts, 1 to {MOST_NAME} characters, no control characters among them"
        raise InvalidMessageError([Mistake(told, MistakeCode.OPTION_INVALID, "by")])
    return mask_numbers(by.strip())


def mask_numbers(words: str) -> str:
    """Mask in somebody's words whatever may be a phone, however it is written."""
    return _NUMBERS.sub(lambda found: found["ours"] or mask_phone(found.group()), words)


def fit(words: str) -> str:
    """Make words fit to be kept: on one line, masked, not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in words)
    return mask_numbers(shown)[:MOST_DETAIL]

"""A mistake in a call: a sentence that also says its code, its field, and whose it is. Pure.

In:  a sentence. Out: the same sentence, a `str` for every use, with what programs ask for.

No mistake repeats a text or a full phone number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Self

#: Which message, and which recipient of it, counted from 1.
_At = tuple[int | None, int | None]


class MistakeOwner(StrEnum):
    """Who can put a mistake right."""

    VISITOR = "visitor"  #: who filled in the form: the phone or the text is wrong
    PROGRAMMER = "programmer"  #: who wrote the call: an option, a type, a time
    OPERATOR = "operator"  #: who runs the app: a setting is missing or wrong


class MistakeCode(StrEnum):
    """What is wrong, in a word that does not change; docs/errors.md lists them.

    Attributes:
        owner: Who can put it right.
        meaning: In words, for that page.
    """

    owner: MistakeOwner
    meaning: str

    def __new__(cls, word: str, owner: MistakeOwner, meaning: str) -> Self:
        """Give a word its owner and its meaning."""
        made = str.__new__(cls, word)
        made._value_, made.owner, made.meaning = word, owner, meaning
        return made

    PHONE_INVALID = ("phone_invalid", MistakeOwner.VISITOR, "no number of any country")
    PHONE_AMBIGUOUS = (
        *("phone_ambiguous", MistakeOwner.VISITOR),
        "may be a national number with a digit wrong, or one of another country",
    )
    PHONE_UNKNOWN_RANGE = (
        *("phone_unknown_range", MistakeOwner.VISITOR),
        "of no range known yet; `SMSQ_ACCEPT_UNKNOWN_RANGES=1` takes it",
    )
    PHONE_REGION = (
        *("phone_region", MistakeOwner.VISITOR),
        "of a region that `SMSQ_ALLOWED_REGIONS` does not allow",
    )
    PHONE_NUMBER_TYPE = (
        *("phone_number_type", MistakeOwner.VISITOR),
        "a fixed, premium or satellite number, or another that `SMSQ_ALLOWED_NUMBER_TYPES` does "
        "not allow",
    )
    PHONE_UNSEEN_CHARACTER = (
        *("phone_unseen_character", MistakeOwner.VISITOR),
        "holds a character that cannot be seen",
    )
    PHONE_ROUNDED = ("phone_rounded", MistakeOwner.VISITOR, "was rounded by a spreadsheet")
    PHONE_REPEATED = ("phone_repeated", MistakeOwner.VISITOR, "occurs twice in one message")
    PHONE_TYPE = ("phone_type", MistakeOwner.PROGRAMMER, "neither a string nor a PhoneNumber")
    TEXT_EMPTY = ("text_empty", MistakeOwner.VISITOR, "empty, or spaces alone")
    TEXT_TOO_LONG = ("text_too_long", MistakeOwner.VISITOR, "more than 10 parts")
    TEXT_CHARACTER = (
        *("text_character", MistakeOwner.VISITOR),
        "holds half a character or a NUL, which no gateway takes",
    )
    TEXT_TYPE = ("text_type", MistakeOwner.PROGRAMMER, "neither a string nor a lazy translation")
    SENDER_MISSING = (
        *("sender_missing", MistakeOwner.OPERATOR),
        "the call names no `alphaname_id`, and `SMSQ_ALPHANAME_ID` is not set; a `ConfigError`",
    )
    SENDER_INVALID = ("sender_invalid", MistakeOwner.PROGRAMMER, "`alphaname_id` is no sender's id")
    KEY_INVALID = (
        *("key_invalid", MistakeOwner.PROGRAMMER),
        "the idempotency key is empty, or neither string, int nor UUID",
    )
    AGAIN_INVALID = (
        "again_invalid",
        MistakeOwner.PROGRAMMER,
        "`again` is no bool, or comes without key",
    )
    PRIORITY_UNKNOWN = ("priority_unknown", MistakeOwner.PROGRAMMER, "none of the three words")
    CHOICE_UNKNOWN = (
        *("choice_unknown", MistakeOwner.PROGRAMMER),
        "none of the words that `on_unknown`, `on_invalid` or `on_duplicate` takes",
    )
    TIME_TYPE = ("time_type", MistakeOwner.PROGRAMMER, "no datetime")
    TIME_NAIVE = ("time_naive", MistakeOwner.PROGRAMMER, "a datetime without a time zone")
    TIME_PAST = ("time_past", MistakeOwner.PROGRAMMER, "in the past")
    TIME_OUT_OF_RANGE = ("time_out_of_range", MistakeOwner.PROGRAMMER, "beyond the calendar")
    EXPIRY_INVALID = (
        *("expiry_invalid", MistakeOwner.PROGRAMMER),
        "no seconds or timedelta above 0, more than a year, or too short for what it goes with",
    )
    OPTION_INVALID = (
        *("option_invalid", MistakeOwner.PROGRAMMER),
        "an option has a value or a type that it does not take",
    )
    OPTIONS_CONFLICT = (
        *("options_conflict", MistakeOwner.PROGRAMMER),
        "two options that do not go together",
    )
    MESSAGES_TYPE = (
        *("messages_type", MistakeOwner.PROGRAMMER),
        "no list, or an entry that is no message of a kind that the call takes",
    )
    MESSAGES_EMPTY = ("messages_empty", MistakeOwner.PROGRAMMER, "no message at all")
    NAME_INVALID = (
        "name_invalid",
        MistakeOwner.PROGRAMMER,
        "a message's name is not 1 to 200 characters",
    )
    RECIPIENTS_TYPE = ("recipients_type", MistakeOwner.PROGRAMMER, "no list of phones, or no pairs")
    RECIPIENTS_EMPTY = ("recipients_empty", MistakeOwner.PROGRAMMER, "nobody to send to")
    REFERENCE_INVALID = (
        *("reference_invalid", MistakeOwner.PROGRAMMER),
        "`reference` is not 1 to 64 characters on one line",
    )
    TAGS_INVALID = (
        *("tags_invalid", MistakeOwner.PROGRAMMER),
        "`tags` is no list of at most 5 strings of 1 to 32 characters without comma and semicolon",
    )
    TOO_LATE = ("too_late", MistakeOwner.PROGRAMMER, "the job or campaign has moved on")
    MORE = ("more", MistakeOwner.PROGRAMMER, "mistakes after the first hundred, counted alone")
    SETTING_INVALID = ("setting_invalid", MistakeOwner.OPERATOR, "a setting is missing or wrong")
    INVALID = (
        "invalid",
        MistakeOwner.PROGRAMMER,
        "anything else, of the command line for instance",
    )


class Mistake(str):
    """One mistake. It is a `str` wherever one is wanted: the sentence with its places in front.

    Attributes:
        code: What is wrong, in a word that does not change.
        field: The argument or option, as the call names it; a setting's name; "" for the whole
            call.
        message: The sentence without its places.
        message_number: Of `send_quick_many` and `send_bulk`: which message, counted from 1.
        place: Of `send_bulk`: which recipient of that message, counted from 1.
        phone: Masked, where it is about one; None otherwise.
    """

    __slots__ = ("code", "field", "message", "message_number", "phone", "place")

    code: MistakeCode
    field: str
    message: str
    message_number: int | None
    place: int | None
    phone: str | None

    def __new__(
        cls,
        message: str,
        code: MistakeCode,
        field: str,
        *,
        phone: str | None = None,
        at: _At = (None, None),
    ) -> Self:
        """Give a sentence what programs ask for.

        Args:
            message: Says what to write instead.
            code: What is wrong.
            field: The argument, option or setting.
            phone: Masked.
            at: Which message, which of its recipients; counted from 1.
        """
        names = zip(("message", "recipient"), at, strict=True)
        places = "".join(f"{name} {n}: " for name, n in names if n is not None)
        made = super().__new__(cls, places + message)
        made.message, made.code, made.field, made.phone = message, code, field, phone
        made.message_number, made.place = at
        return made

    @property
    def owner(self) -> MistakeOwner:
        """Who can put it right."""
        return self.code.owner

    def in_message(self, number: int) -> Mistake:
        """Say in which message it is."""
        at = (number, self.place)
        return Mistake(self.message, self.code, self.field, phone=self.phone, at=at)

    def of_recipient(self, place: int) -> Mistake:
        """Say at which recipient it is."""
        at = (self.message_number, place)
        return Mistake(self.message, self.code, self.field, phone=self.phone, at=at)

    def __reduce__(self) -> tuple[object, ...]:
        at = (self.message_number, self.place)
        return _remake, (self.message, self.code, self.field, self.phone, at)


def _remake(message: str, code: MistakeCode, field: str, phone: str | None, at: _At) -> Mistake:
    return Mistake(message, code, field, phone=phone, at=at)


def as_mistakes(sentences: Iterable[str], code: MistakeCode) -> tuple[Mistake, ...]:
    """Make mistakes of sentences; those that are mistakes already stay as they are."""
    return tuple(
        one if isinstance(one, Mistake) else Mistake(str(one), code, _setting_in(one))
        for one in sentences
    )


def _setting_in(sentence: str) -> str:
    """Find the setting that a sentence begins with; "" for none."""
    found = re.match(r"SMSQ_[A-Z_]+", sentence)
    return found[0] if found else ""

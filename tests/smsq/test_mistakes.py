"""A mistake is a sentence for people, and code, field and owner for programs."""

from __future__ import annotations

import copy
import json
import pickle
import string
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import smsq
from smsq.mistakes import Mistake, MistakeCode, MistakeOwner
from smsq.options import DEFAULTS
from smsq.settings import Settings

PHONE, TEXT = "+375 29 123-45-67", "code"

#: What a caller may hand over by mistake.
GARBAGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=20),
    st.text(string.digits + "+ ", max_size=20),
    st.binary(max_size=8),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.timedeltas(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=2),
    st.builds(object),
    st.just(smsq.QuickMessage),
    st.just("\ud800"),
    st.sampled_from([float("nan"), float("inf"), 10**400, Decimal("NaN")]),
)
QUICK_OPTIONS = {
    *("alphaname_id", "key", "again", "priority", "on_unknown", "expires_in_s", "send_at"),
    *("viber_name_id", "viber_after_min", "gather"),
}
BULK_OPTIONS = {
    *("key", "again", "on_unknown", "canary", "max_failed", "on_invalid", "on_duplicate"),
}


def options_of(names: set[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(sorted(names)), GARBAGE, max_size=3)


def check(call: Any, *args: Any, **options: Any) -> None:
    """The call is good, or says what is wrong with it as a program can read it."""
    mistakes: tuple[Mistake, ...] | None = None
    try:
        call(*args, **options)
    except smsq.InvalidMessageError as error:
        mistakes = error.mistakes
    except smsq.KeyConflictError:
        return
    assert mistakes is None or mistakes
    for mistake in mistakes or ():
        assert isinstance(mistake, smsq.Mistake)
        assert mistake.code is not MistakeCode.INVALID
        assert mistake.owner in MistakeOwner
        assert mistake.field or mistake.code is MistakeCode.MORE, mistake
        assert mistake.endswith(mistake.message)


@given(GARBAGE, GARBAGE, options_of(QUICK_OPTIONS))
def test_any_garbage_in_a_message_is_an_invalid_message(
    phone: Any, text: Any, options: dict[str, Any]
) -> None:
    from smsq.intake.intake import Intake  # noqa: PLC0415 - what all sends go through

    intake = Intake(Settings.from_env({"SMSQ_ALPHANAME_ID": "1"}), datetime.now(UTC))
    message = smsq.QuickMessage(phone=phone, text=text, **options)
    check(intake.check_quick, message)
    check(intake.check_quick_many, [message, phone])
    check(intake.check_bulk, [smsq.BulkMessage(name=phone, text=text, phones=text)], None, [])
    texts = [phone, (phone, text)]
    check(intake.check_bulk, [smsq.PersonalMessage(name=text, texts=texts)], None, [])
    check(intake.check_bulk, phone, None, [])


CALLS = {
    "send_quick": (lambda queue: queue.send_quick, QUICK_OPTIONS, (PHONE, TEXT)),
    "send_personal": (lambda queue: queue.send_personal, QUICK_OPTIONS - {"gather"}, (PHONE, TEXT)),
    "send_bulk": (lambda queue: queue.send_bulk, BULK_OPTIONS, None),
}
BAD: list[Any] = [
    *(True, -1, 1.5, "x", b"x", [1], object(), timedelta(-1)),
    datetime.min,  # noqa: DTZ901 - what is tested
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: type(bad).__name__)
@pytest.mark.parametrize("name", CALLS)
def test_a_bad_option_is_told_by_its_name(queue: smsq.SmsQueue, name: str, bad: Any) -> None:
    method, options, args = CALLS[name]
    for option in sorted(options):
        if option in {"send_at", "viber_name_id", "viber_after_min"} and name == "send_personal":
            continue
        given_args = args or ([smsq.BulkMessage(name="Sale", text=TEXT, phones=[PHONE])],)
        check(method(queue), *given_args, **{option: bad})


@pytest.mark.parametrize("bad", [None, *BAD], ids=lambda bad: type(bad).__name__)
def test_no_other_method_raises_what_is_not_ours(queue: smsq.SmsQueue, bad: Any) -> None:
    for call in (
        *(queue.status, queue.cancel, queue.campaign, queue.pause, queue.resume),
        lambda some: list(queue.recipients(some)),
        lambda some: list(queue.failed(some)),
        lambda some: queue.reschedule(some, datetime.now(UTC) + timedelta(hours=1)),
        lambda some: queue.resume("c0", max_failed=some),
    ):
        with pytest.raises((smsq.NotFoundError, smsq.InvalidMessageError)):
            call(bad)
    check(queue.reschedule, "j0", bad) if bad is None else None
    for name in ("group", "consumer", "block_s", "count", "claim_after_s"):
        check(lambda **o: queue.events(**{"group": "app", "consumer": "one", **o}), **{name: bad})
    optouts = queue.optout
    for change in (optouts.add, optouts.remove, optouts.count_opted_out):
        check(change, bad)
        check(change, [PHONE, bad])
    check(queue.send_quick_many, bad)
    check(queue.send_quick_many, [bad])
    check(queue.campaigns, limit=bad)


def test_a_visitors_mistake_is_told_apart_from_ours(queue: smsq.SmsQueue) -> None:
    with pytest.raises(smsq.InvalidMessageError) as caught:
        queue.send_quick("+375 29 999-88-776", "", priority="soon")  # type: ignore[arg-type]

    phone, text, priority = caught.value.mistakes
    assert (phone.code, phone.field, phone.owner) == ("phone_invalid", "phone", "visitor")
    assert phone.phone == "+375********76"
    assert (text.code, text.field, text.owner) == ("text_empty", "text", "visitor")
    assert (priority.code, priority.owner) == ("priority_unknown", "programmer")


def test_a_missing_sender_is_the_operators_mistake_and_no_visitors(environ: dict[str, str]) -> None:
    unset = {name: value for name, value in environ.items() if name != "SMSQ_ALPHANAME_ID"}
    with smsq.SmsQueue(settings=Settings.from_env(unset)) as queue:
        for call in (
            lambda: queue.send_quick("12", TEXT),
            lambda: queue.send_personal(PHONE, TEXT),
            lambda: queue.send_quick_many([smsq.QuickMessage(phone=PHONE, text=TEXT)]),
            lambda: queue.send_bulk([smsq.BulkMessage(name="Sale", text=TEXT, phones=[PHONE])]),
        ):
            with pytest.raises(smsq.ConfigError) as caught:
                call()
            [mistake] = caught.value.mistakes
            assert (mistake.code, mistake.field) == ("sender_missing", "alphaname_id")
            assert mistake.owner is MistakeOwner.OPERATOR
        # A web app whose every call names its sender needs no setting.
        assert queue.send_quick(PHONE, TEXT, alphaname_id="123")


def test_an_app_may_ask_for_a_sender_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMSQ_ALPHANAME_ID", raising=False)
    smsq.SmsQueue.from_env().close()
    with pytest.raises(smsq.ConfigError) as caught:
        smsq.SmsQueue.from_env(needs_sender=True)
    [mistake] = caught.value.mistakes
    assert (mistake.code, mistake.field) == ("setting_invalid", "SMSQ_ALPHANAME_ID")

    monkeypatch.setenv("SMSQ_ALPHANAME_ID", "123")
    smsq.SmsQueue.from_env(needs_sender=True).close()


@pytest.mark.parametrize("name", ["SMSQ_SENDER", "SMSQ_SENDER_ID", "SMSQ_FROM"])
def test_another_services_word_for_the_sender_is_told_ours(name: str) -> None:
    with pytest.raises(smsq.ConfigError, match="SMSQ_ALPHANAME_ID"):
        Settings.from_env({name: "Shop"})


def test_a_mistake_is_a_string_for_every_use() -> None:
    mistake = Mistake("phone is wrong", MistakeCode.PHONE_INVALID, "phone", phone="+375***67")
    placed = mistake.of_recipient(3).in_message(2)

    assert placed == "message 2: recipient 3: phone is wrong"
    assert (placed.message, placed.message_number, placed.place) == ("phone is wrong", 2, 3)
    assert json.dumps({"mistakes": [mistake]}) == '{"mistakes": ["phone is wrong"]}'
    for twin in (pickle.loads(pickle.dumps(placed)), copy.copy(placed), copy.deepcopy(placed)):
        assert twin == placed
        assert all(getattr(twin, name) == getattr(placed, name) for name in Mistake.__slots__)


def test_an_error_of_plain_sentences_has_mistakes_all_the_same() -> None:
    [mistake] = smsq.InvalidMessageError(["it is wrong"]).mistakes
    [setting] = smsq.ConfigError(["SMSQ_BURST: write 1 or more"]).mistakes

    assert (mistake.code, mistake.field) == ("invalid", "")
    assert (setting.code, setting.field) == ("setting_invalid", "SMSQ_BURST")


def test_what_an_option_means_unwritten_is_what_a_message_has() -> None:
    fields = smsq.QuickMessage.__dataclass_fields__
    for name in QUICK_OPTIONS:
        assert fields[name].default == DEFAULTS.get(name), name

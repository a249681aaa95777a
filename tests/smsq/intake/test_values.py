"""Values as Django and others have them are taken; what is no phone or text is not guessed at."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import phonenumbers
import pytest

from smsq.errors import InvalidMessageError
from smsq.intake.intake import Intake
from smsq.intake.values import read_key, read_text
from smsq.models import BulkMessage, PersonalMessage, QuickMessage
from smsq.settings import Settings
from smsq.text.phones import normalize_phone, read_phone


@pytest.fixture
def intake() -> Intake:
    return Intake(Settings.from_env({"SMSQ_ALPHANAME_ID": "1"}), datetime.now(UTC))


def test_a_phone_field_and_a_lazy_translation_of_django_are_taken(intake: Intake) -> None:
    from django.utils.functional import lazy  # noqa: PLC0415 - of the app
    from django.utils.safestring import mark_safe  # noqa: PLC0415 - of the app
    from phonenumber_field.phonenumber import PhoneNumber  # noqa: PLC0415 - of the app

    gettext_lazy = lazy(lambda text: text, str)  # as Django makes it
    number = PhoneNumber(country_code=375, national_number=291234567)
    checked = intake.check_quick(QuickMessage(phone=number, text=gettext_lazy("Order ready")))
    assert checked.request.recipients == {"375291234567": None}
    assert checked.request.text == "Order ready"
    assert type(read_text(mark_safe("a"))) is str
    assert normalize_phone(number) == "375291234567"
    assert normalize_phone(PhoneNumber(raw_input="abc")) is None

    intake.check_bulk(
        [
            BulkMessage(
                name=gettext_lazy("Sale"), text=gettext_lazy("Half price"), phones=iter([number])
            ),
            PersonalMessage(name="Bills", texts=[(number, gettext_lazy("You owe 5"))]),
        ],
        None,
        [],
    )


def test_a_phone_field_that_holds_no_number_is_refused_masked(intake: Intake) -> None:
    from phonenumber_field.phonenumber import PhoneNumber  # noqa: PLC0415 - of the app

    for wrong in (PhoneNumber(country_code=375, national_number=1), PhoneNumber()):
        with pytest.raises(InvalidMessageError) as caught:
            intake.check_quick(QuickMessage(phone=wrong, text="code"))
        [mistake] = caught.value.mistakes
        assert mistake.field == "phone"


class Raises:
    @property
    def as_e164(self) -> str:
        raise LookupError("no row")


def test_what_is_no_phone_or_text_stays_what_it_is() -> None:
    plain = phonenumbers.parse("+375291234567", None)
    for value in (None, 375291234567, b"+375291234567", Raises(), object(), plain, ["+375"]):
        assert read_phone(value) is value
    for other in (None, 4821, b"code", ValueError("code"), object()):
        assert read_text(other) is other


def test_a_rows_key_is_written_as_it_is() -> None:
    row = UUID(int=7)
    values: list[Any] = [12, row, "a"]
    assert [read_key(value) for value in values] == ["12", str(row), "a"]
    for value in (True, 1.5, b"a", None):
        assert read_key(value) is value

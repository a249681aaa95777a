"""django-allauth: sign-up and login by phone.

    ACCOUNT_ADAPTER = "smsq.contrib.django.allauth.AccountAdapter"

In:  a user, a phone and a code. Out: an urgent message; texts are templates (`login_code_sms.txt`).
"""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.fields import PhoneField
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.translation import gettext

from smsq.contrib.django.queue import sms
from smsq.contrib.django.texts import write_text
from smsq.errors import QueueUnavailableError
from smsq.frames import guarded
from smsq.text.phones import normalize_phone

log = logging.getLogger("smsq.contrib.django")

#: A message about an account is of no use for longer.
_NOTICE_EXPIRES_S = 600


@guarded
class SmsMixin:
    """What an adapter of allauth's sends, for one that keeps phones in its own way."""

    code_template: ClassVar[str] = "smsq/login_code_sms.txt"
    unknown_account_template: ClassVar[str] = "smsq/unknown_account_sms.txt"
    account_exists_template: ClassVar[str] = "smsq/account_already_exists_sms.txt"

    def send_verification_code_sms(self, user: Any, phone: str, code: str, **kwargs: Any) -> None:
        """Send a code; it is not sent when it is no longer good."""
        good_for_s = (app_settings.PHONE_VERIFICATION_TIMEOUT, app_settings.LOGIN_BY_CODE_TIMEOUT)
        expires_in_s = min(good_for_s)
        self._send(phone, write_text(self.code_template, code=code, user=user), expires_in_s)

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        """Say that no account has this phone."""
        self._send(phone, write_text(self.unknown_account_template), _NOTICE_EXPIRES_S)

    def send_account_already_exists_sms(self, phone: str) -> None:
        """Say that an account has this phone already."""
        self._send(phone, write_text(self.account_exists_template), _NOTICE_EXPIRES_S)

    def clean_phone(self, phone: str) -> str:
        """Bring a phone of a form to `+375291234567`; a national number is one of the settings'.

        Raises:
            ValidationError: It is no phone.
        """
        settings = sms.settings
        found = normalize_phone(
            phone, settings.default_region, accept_unknown=settings.accept_unknown_ranges
        )
        if found is None:
            raise ValidationError(PhoneField.e164_validator.message, code="invalid_phone")
        return f"+{found}"

    def respond_unavailable(self) -> HttpResponse:
        """Answer a visitor whose code could not be queued: 503, in plain words."""
        return HttpResponse(gettext("Please try again in a moment."), status=503)

    def _send(self, phone: str, text: str, expires_in_s: float) -> None:
        try:
            sms.send_quick(phone, text, priority="urgent", expires_in_s=expires_in_s)
        except QueueUnavailableError as error:
            log.error("a code is not queued (%s)", error)  # noqa: TRY400 - frames hold the code
        else:
            return
        raise ImmediateHttpResponse(self.respond_unavailable())


class AccountAdapter(SmsMixin, DefaultAccountAdapter):
    """An adapter for user models that keep the phone themselves.

    Attributes:
        phone_field: The user's field for the phone, unique, of characters or of phones.
        verified_field: The one that says whether it is known to be the user's.
    """

    phone_field: ClassVar[str] = "phone"
    verified_field: ClassVar[str] = "phone_verified"

    def set_phone(self, user: Any, phone: str, verified: bool) -> None:
        """Keep a phone."""
        setattr(user, self.phone_field, phone)
        setattr(user, self.verified_field, verified)
        user.save(update_fields=[self.phone_field, self.verified_field])

    def set_phone_verified(self, user: Any, phone: str) -> None:
        """Keep a phone that is known to be the user's."""
        self.set_phone(user, phone, True)

    def get_phone(self, user: Any) -> tuple[str, bool] | None:
        """Return a user's phone, and whether it is known to be the user's."""
        phone = getattr(user, self.phone_field)
        if not phone:
            return None
        return getattr(phone, "as_e164", str(phone)), getattr(user, self.verified_field)

    def get_user_by_phone(self, phone: str) -> Any:
        """Find whose phone it is; None: nobody's."""
        users = get_user_model()._default_manager.filter(**{self.phone_field: phone})
        return users.order_by(f"-{self.verified_field}", "pk").first()

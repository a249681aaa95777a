"""django-two-factor-auth: its codes by SMS.

    TWO_FACTOR_SMS_GATEWAY = "smsq.contrib.django.two_factor.Gateway"

In:  a device and its code. Out: an urgent message; the text is the template `two_factor_sms.txt`.
"""

from __future__ import annotations

import logging
import time
from typing import Any, ClassVar

from smsq.contrib.django.queue import sms
from smsq.contrib.django.texts import write_text
from smsq.errors import SmsqError
from smsq.frames import guarded

log = logging.getLogger("smsq.contrib.django")

#: A new code comes with each of these, and is good for five more.
_STEP_S, _STEPS = 30, 5


@guarded
class Gateway:
    """Sends a device's codes.

    Attributes:
        template: Of the text; it shows `token`.
    """

    template: ClassVar[str] = "smsq/two_factor_sms.txt"

    def send_sms(self, device: Any, token: str) -> None:
        """Send a code; asked for twice within its 30 s it is sent once.

        While a device is set up a failure is raised, and the page tells of it. At a login it is
        logged: the page comes all the same, with the person's other ways to prove who they are.
        """
        phone = device.number.as_e164
        step = int(time.time() // _STEP_S)
        try:
            sms.send_quick(
                phone,
                write_text(self.template, token=token),
                key=f"two-factor {phone} {token} {step}",
                priority="urgent",
                expires_in_s=_STEP_S * _STEPS,
            )
        except SmsqError as error:
            if device.pk is None:
                raise
            log.error("a code is not queued (%s)", error)  # noqa: TRY400 - frames hold the code

    def make_call(self, device: Any, token: str) -> None:
        """Refuse.

        Raises:
            NotImplementedError: smsq makes no calls.
        """
        raise NotImplementedError(
            "smsq sends messages and makes no phone calls: leave TWO_FACTOR_CALL_GATEWAY out"
        )

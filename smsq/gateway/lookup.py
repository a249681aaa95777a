"""The seam for message ids that no receipt told: a source that is asked by the uuid of a request.

In:  the uuid that sendBulkSms answered with. Out: message ids, as a receipt would tell them.

The gateway's document has no such endpoint, so nothing is asked by default. Whoever knows one
writes a class like `NoSource`, and gives it to `smsq.steps.resources.Resources`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from smsq.models import ReceiptEntry


class MessageIdSource(Protocol):
    """Knows the message ids of a bulk request.

    Attributes:
        makes_requests: True when it asks the gateway: then every look-up takes one slot.
    """

    makes_requests: bool

    def find(self, uuid: str) -> Sequence[ReceiptEntry] | None:
        """Find the ids of a request's messages, in order, with names where they are known.

        Args:
            uuid: As sendBulkSms answered.

        Returns:
            None when nothing is known yet.

        Raises:
            GatewayError: It could not be asked; it is asked again later.
        """


class NoSource:
    """Knows nothing; nothing is asked."""

    makes_requests = False

    def find(self, uuid: str) -> Sequence[ReceiptEntry] | None:
        """Find nothing."""
        return None

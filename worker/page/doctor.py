"""What `smsq doctor` would say, asked once in a while for all viewers.

In:  the environment of the process. Out: the last findings; nobody waits for new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from smsq.operate.checks import Check
from smsq.operate.doctor import examine
from worker.page.renewed import Renewed

#: It asks workers through the broker and takes some seconds.
EVERY_S = 60.0

#: The gateway is asked by `smsq doctor` alone: that request has no slot, and pages are looked at
#: all day. Web need not have the token either.
_NOT_ASKED = ("SMSQ_GATEWAY_URL", "SMSQ_GATEWAY_TOKEN", "SMSQ_GATEWAY_TOKEN_FILE")
_LEFT_OUT = {"gateway"}


@dataclass(frozen=True, slots=True)
class Findings:
    """What the doctor found.

    Attributes:
        at: UTC, when it had looked.
    """

    checks: Sequence[Check]
    at: datetime

    @property
    def worrying(self) -> Sequence[Check]:
        """What should be looked at, the worst first."""
        found = [check for check in self.checks if check.status != "ok"]
        return sorted(found, key=lambda check: check.status != "error")


class Doctor:
    """Keeps the last findings. Thread-safe.

    Args:
        environ: Of the process.
        look: Looks at everything; tests pass one of their own.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        look: Callable[[Mapping[str, str]], Sequence[Check]] = lambda env: list(examine(env)),
    ) -> None:
        asked = {k: v for k, v in environ.items() if k not in _NOT_ASKED}
        self._findings = Renewed(
            "doctor", lambda: [one for one in look(asked) if one.name not in _LEFT_OUT], EVERY_S
        )

    def ask(self) -> Findings | None:
        """Give the last findings; None before the first. Old ones are renewed meanwhile."""
        found = self._findings.ask()
        return Findings(found.what or (), found.at) if found else None

"""Tags: what makes own ids hard to guess. Pure, but for its dice.

In:  nothing. Out: random letters.
"""

from __future__ import annotations

import secrets
import string

_TAG_LETTERS = string.ascii_letters + string.digits
_TAG_SIZE = 7


def new_tag() -> str:
    """Make the random end of an own id: 3.5 million million possible ones, in seven bytes."""
    return "".join(secrets.choice(_TAG_LETTERS) for _ in range(_TAG_SIZE))

"""What callers named, beside the news of an entry. Pure.

In:  fields of an entry, as `events/publish.lua` writes them. Out: each event's reference and tags.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from smsq.domain.own_names import read_own_names


class EntryNames:
    """The names of one entry.

    Args:
        fields: Of the entry; older ones have no names.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._names: dict[str, str] = json.loads(fields.get("names", "{}"))
        self._own: defaultdict[tuple[int, int, str], list[str]] = defaultdict(list)
        for item, group, phone, reference in json.loads(fields.get("references", "[]")):
            self._own[item, group, phone].append(reference)

    def of(self, some_id: str) -> dict[str, Any]:
        """Give the names of a job, a send or a campaign, as an event has them."""
        names = read_own_names(self._names.get(some_id))
        return {"reference": names.reference, "tags": names.tags}

    def take_own(self, item: int, group: int, phone: str) -> dict[str, Any]:
        """Give the next recipient's own reference among those who look alike; {} for none.

        Args:
            item: Its place in the entry, counted from 1, and so is `group` in the item.
            group: Recipients that changed alike.
            phone: Masked.
        """
        own = self._own.get((item, group, phone))
        return {"reference": own.pop()} if own else {}

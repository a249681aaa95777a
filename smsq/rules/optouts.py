"""The list of phones that take no messages; claims look at it when a request is built.

In:  phones. Out: the list, changed; how many phones of a campaign it would take out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from smsq.audit.acts import Act, fit, name_person
from smsq.audit.audit import Audit
from smsq.errors import InvalidMessageError
from smsq.frames import guarded
from smsq.intake.mistakes import refuse
from smsq.mistakes import Mistake, MistakeCode
from smsq.options import Phone
from smsq.records.buckets import SHARDS
from smsq.rings.breaker import Breaker
from smsq.settings import Settings
from smsq.store.connection import unavailable
from smsq.store.scripts import Scripts
from smsq.text.phones import mask_phone, normalize_phone, read_phone, say_phone_mistake

#: Phones in one script call: Redis is busy for a few milliseconds.
SLICE = 1000

#: Phones of a call that the audit trail shows, masked.
_MOST_SHOWN = 3

#: Pieces of the list read in one round trip.
_SHARDS_AT_ONCE = 64


_T = TypeVar("_T")


@guarded
class OptOuts:
    """The list of one queue.

    Args:
        scripts: Of the ledger.
        settings: Of the queue; the region of national numbers.
        breaker: Of a web app's calls.
    """

    def __init__(
        self, scripts: Scripts, settings: Settings, *, breaker: Breaker | None = None
    ) -> None:
        self._scripts = scripts
        self._unavailable = partial(unavailable, scripts.redis, tries=breaker)
        self._region = settings.default_region

    def add(self, phones: Iterable[Phone], *, by: str | None = None) -> int:
        """Send these phones nothing more but urgent messages.

        Args:
            phones: In any usual spelling; a list or anything that yields them one by one.
            by: Who, for the audit trail, which has an entry for each thousand; None is whoever runs
                this process.

        Returns:
            How many were not on the list.

        Raises:
            InvalidMessageError: With the mistakes found. Phones that stand a thousand or more
                before the first of them are on the list already; adding them again does no harm.
            QueueUnavailableError: Redis did not answer; repeating the call is safe.
        """
        return self._change(Act.OPTOUT_ADD, phones, by)

    def remove(self, phones: Iterable[Phone], *, by: str | None = None) -> int:
        """Take phones off the list, as `add` puts them on it; returns how many were on it."""
        return self._change(Act.OPTOUT_REMOVE, phones, by)

    def _store(self, phones: Sequence[str], *, source: str, by: str | None = None) -> int:
        """Add up to `SLICE` phones that are in the gateway's form already, as `add` does.

        `source`: where they come from, for the audit trail.
        """
        if not phones:
            return 0
        person = name_person(by)
        with self._unavailable(writes=True):
            return self._run("add", phones, person, Act.OPTOUT_IMPORT, fit(f"from {source}"))

    def _forget(self, phone: str, *, by: str) -> int:
        """Take a phone in the gateway's form off the list; returns how many were on it."""
        return self._run("remove", [phone], by, Act.OPTOUT_REMOVE, mask_phone(phone))

    def phones(self, *, by: str | None = None) -> Iterator[str]:
        """Read the list, in no order, in the gateway's form; memory does not grow with it.

        `by`: who reads it, for the audit trail; None leaves nothing there.
        """
        keys, redis = self._scripts.keys, self._scripts.redis
        if by is not None:
            with self._unavailable(writes=True):
                Audit(self._scripts).record(by, Act.OPTOUT_LIST)
        with self._unavailable(writes=False):
            for first in range(0, SHARDS, _SHARDS_AT_ONCE):
                pipeline = redis.pipeline(transaction=False)
                for shard in range(first, first + _SHARDS_AT_ONCE):
                    pipeline.smembers(keys.optout(shard))
                for found in pipeline.execute():
                    yield from sorted(found)

    def count(self) -> int:
        """Say how many phones are on the list."""
        with self._unavailable(writes=False):
            return int(str(self._scripts.redis.get(self._scripts.keys.optouts) or 0))

    def count_opted_out(self, phones: Iterable[Phone]) -> int:
        """Say how many of these phones, in any usual spelling, are on the list."""
        return self._count(self._normalized(phones))

    def _count(self, phones: Iterable[str]) -> int:
        """Say how many of these phones, in the gateway's form, are on the list."""
        with self._unavailable(writes=False):
            return sum(self._run("count", part) for part in _slices(phones))

    def _change(self, act: Act, phones: Iterable[Phone], by: str | None) -> int:
        changed, person = 0, name_person(by)
        what = "add" if act is Act.OPTOUT_ADD else "remove"
        with self._unavailable(writes=True, in_pieces=True):
            for part in _slices(self._normalized(phones)):
                changed += self._run(what, part, person, act, _show(part))
        return changed

    def _normalized(self, phones: Iterable[Phone]) -> Iterator[str]:
        if isinstance(phones, str | bytes) or not isinstance(phones, Iterable):
            told = f"phones is {type(phones).__name__}: write a list"
            raise InvalidMessageError([Mistake(told, MistakeCode.RECIPIENTS_TYPE, "phones")])
        place = 1
        for part in _slices(phones):
            yield from self._normalize(part, place)
            place += len(part)

    def _run(self, what: str, phones: Sequence[str], *told: str) -> int:
        return int(self._scripts.run("optout", what, json.dumps(phones), *told))

    def _normalize(self, raw_phones: Sequence[object], first_place: int) -> Sequence[str]:
        phones: list[str] = []
        mistakes: list[Mistake] = []
        for place, written in enumerate(raw_phones, start=first_place):
            raw = read_phone(written)
            # Who wants no messages is never refused because a range is new.
            phone = (
                normalize_phone(raw, self._region, accept_unknown=True)
                if isinstance(raw, str)
                else None
            )
            if phone:
                phones.append(phone)
            elif isinstance(raw, str):
                mistakes.append(say_phone_mistake(raw, self._region, f"phone {place},"))
            else:
                told = f"phone {place} is {type(raw).__name__}: write a string"
                mistakes.append(Mistake(told, MistakeCode.PHONE_TYPE, "phones"))
        refuse(mistakes)
        return phones


def _show(phones: Sequence[str]) -> str:
    """Show a few phones, masked; of many none."""
    return ", ".join(map(mask_phone, phones)) if len(phones) <= _MOST_SHOWN else ""


def _slices(phones: Iterable[_T]) -> Iterator[Sequence[_T]]:
    rest = iter(phones)
    while part := list(islice(rest, SLICE)):
        yield part

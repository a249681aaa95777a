"""What is kept of one person, by a phone: shown, or forgotten.

In:  a phone. Out: where it is; or numbers that are nobody's in its place, while counts stay right.

All of Redis is looked through, for an index may be off: some seconds for a million recipients.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, cast

from redis import Redis

from smsq.audit.acts import Act, name_person
from smsq.audit.audit import Audit
from smsq.environment.who import who_am_i
from smsq.errors import InvalidMessageError
from smsq.intake.mistakes import refuse
from smsq.options import Phone
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from smsq.status.status import read_recipient
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect, unavailable
from smsq.store.keys import Keys
from smsq.store.scripts import Scripts
from smsq.text.phones import mask_phone, normalize_phone, say_phone_mistake

#: Keys asked in one round trip.
_SLICE = 1000
_SEED = 10**12


@dataclass(frozen=True, slots=True)
class Trace:
    """A message to the person.

    Attributes:
        job_id: The job that it is in.
        message, bucket: Where in the job.
        state: What became of it.
    """

    job_id: str
    message: int
    bucket: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is kept of somebody.

    Attributes:
        phone: Masked.
        traces: Messages, each with its job.
        is_opted_out: The phone is on the list of opt-outs.
        capped: Days on which campaigns counted it.
    """

    phone: str
    traces: Sequence[Trace] = field(repr=False)
    is_opted_out: bool
    capped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What became of it.

    Attributes:
        phone: Masked.
        forgotten: Messages that are nobody's now.
        later: Ids of jobs that have to end first: a message is on its way, or its report is.
        was_opted_out: The phone was on the list of opt-outs, and is not any more.
    """

    phone: str
    forgotten: int
    later: Sequence[str]
    was_opted_out: bool


class People:
    """Looks people up and forgets them. Redis' failures raise `QueueUnavailableError`.

    Args:
        settings: For the region of national numbers.
        redis: Client of the ledger.
        by: Who, for the audit trail.
    """

    def __init__(self, settings: Settings, redis: Redis, *, by: str) -> None:
        self._settings, self._redis, self._by = settings, redis, by
        self._scripts = Scripts.of(redis, settings)
        self._keys = Keys(settings.namespace)

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Build from settings; the connection is made when first used."""
        redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
        return cls(settings, redis, by=who_am_i())

    def show(self, phone: Phone) -> Person:
        """Find all that is kept of a phone, in any usual spelling; the look is written down.

        Raises:
            InvalidMessageError: It is no phone.
        """
        normal, person = self._normalize(phone), name_person(self._by)
        with unavailable(self._redis, writes=True):
            Audit(self._scripts).record(person, Act.PERSON, mask_phone(normal))
            return Person(
                phone=mask_phone(normal),
                traces=[*self._find_traces(normal)],
                is_opted_out=bool(OptOuts(self._scripts, self._settings)._count([normal])),
                capped=len([*self._find_caps(normal)]),
            )

    def forget(self, phone: Phone) -> Forgotten:
        """Take a phone, with texts, references and receipts, out of all that is kept.

        What waits to be sent is not sent any more: `withheld`, "forgotten". What is on its way, or
        waits for its report, stays until that is over: do it again then. Counts, states, times and
        money stay as they are.

        Raises:
            InvalidMessageError: It is no phone.
        """
        normal, person = self._normalize(phone), name_person(self._by)
        shown, later, answers = mask_phone(normal), list[str](), Counter[str]()
        with unavailable(self._redis, writes=True, in_pieces=True):
            for trace in self._find_traces(normal):
                where = (trace.job_id, trace.message, trace.bucket)
                seed = f"{secrets.randbelow(_SEED):012}"
                answer = str(self._scripts.run("forget", *where, normal, seed))
                answers[answer] += 1
                if answer == "later":
                    later.append(trace.job_id)
            for key in self._find_caps(normal):
                self._redis.hdel(key, normal)
            self._drop_events(normal)
            optouts = OptOuts(self._scripts, self._settings)
            was_opted_out = bool(optouts._forget(normal, by=person))
            done = f"{answers['forgotten']} messages, {len(later)} later"
            self._scripts.run("forget_limits", normal, person, shown, done)
        return Forgotten(
            phone=shown,
            forgotten=answers["forgotten"],
            later=later,
            was_opted_out=was_opted_out,
        )

    def close(self) -> None:
        """Give the connection back."""
        self._redis.close()

    def _normalize(self, phone: Phone) -> str:
        region = self._settings.default_region
        normal = normalize_phone(phone, region, accept_unknown=True)
        if normal is None:
            if not isinstance(phone, str):
                raise InvalidMessageError([f"phone is {type(phone).__name__}: write a string"])
            refuse([say_phone_mistake(phone, region)])
        return str(normal)

    def _find_traces(self, phone: str) -> Iterator[Trace]:
        for key, value in self._ask("recipients", phone):
            job_id, message, bucket = key.rsplit(":", 3)[1:]
            state = read_recipient(phone, value).state
            yield Trace(job_id, int(message), int(bucket), str(state))

    def _find_caps(self, phone: str) -> Iterator[str]:
        return (key for key, _ in self._ask("cap", phone))

    def _drop_events(self, phone: str) -> None:
        """Delete events that name the phone: a caller used it as a reference or a tag."""
        stream, after = self._keys.events, "-"
        while rows := cast(
            "list[tuple[str, dict[str, str]]]",
            self._redis.xrange(stream, after, "+", count=_SLICE),
        ):
            named = [entry for entry, fields in rows if phone in "".join(fields.values())]
            if named:
                self._redis.xdel(stream, *named)
            after = f"({rows[-1][0]}"

    def _ask(self, family: str, phone: str) -> Iterator[tuple[str, str]]:
        """Find the hashes of a family that have a phone, with its value."""
        names: list[str] = []
        for name in self._redis.scan_iter(f"{self._keys.namespace}:{family}:*", 5000):
            names.append(str(name))
            if len(names) == _SLICE:
                yield from self._ask_some(names, phone)
                names = []
        yield from self._ask_some(names, phone)

    def _ask_some(self, names: Sequence[str], phone: str) -> Sequence[tuple[str, str]]:
        pipeline = self._redis.pipeline(transaction=False)
        for name in names:
            pipeline.hget(name, phone)
        answers = cast("list[str | None]", pipeline.execute())
        return [(n, value) for n, value in zip(names, answers, strict=True) if value is not None]


def describe_person(person: Person) -> Mapping[str, Any]:
    """Describe it as JSON does."""
    jobs = [
        {"job_id": one.job_id, "message": one.message, "state": one.state} for one in person.traces
    ]
    return {
        "phone": person.phone,
        "messages": jobs,
        "opted_out": person.is_opted_out,
        "capped_days": person.capped,
    }

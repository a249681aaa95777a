"""What the sentinels say, all of them asked at once; the one with the newest news is believed.

In:  their addresses. Out: one sentinel's answers; never those of one that a failover passed by.

A sentinel that is cut off from the others, together with the primary of before, goes on naming that
one. Each failover has a number of its own, the config epoch, and only a majority can begin one: so
who knows the highest number knows the primary of now, as sentinels believe each other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from redis.sentinel import MasterNotFoundError

from smsq.environment.sentinels import SentinelAddress, sentinel_client

#: One that did not answer is left out for so long, unless no other one answers.
SILENT_S = 5.0

_NO_ANSWER = "no sentinel names a primary {}"

#: In this order: a primary of now with the number of before is outvoted, a primary of before with
#: the number of now would be believed. The primary's own state has the next one's address only when
#: the failover is over, seconds after that one took writes.
_STATE, _PRIMARY = "SENTINEL MASTER", "SENTINEL GET-MASTER-ADDR-BY-NAME"
_REPLICAS = "SENTINEL SLAVES"


@dataclass(frozen=True, slots=True)
class Told:
    """What one sentinel said.

    Attributes:
        epoch: Number of the last failover that it knows.
        primary: Host and port.
        replicas: Their states, as redis-py has them; empty unless asked for.
    """

    epoch: int
    primary: tuple[str, int]
    replicas: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class _Sentinel:
    client: Redis
    silent_until_s: float = 0.0


class Sentinels:
    """Those who watch over one primary.

    Args:
        address: Where they are, and what they call the primary.
        timeout_s: Longest wait for a connection to one, and for the answers of all.
    """

    def __init__(self, address: SentinelAddress, *, timeout_s: float) -> None:
        self._name, self._timeout_s = address.name, timeout_s
        options = sentinel_client(address, timeout_s=timeout_s)
        self._all = [
            _Sentinel(Redis(host, port, decode_responses=True, **options))
            for host, port in address.hosts
        ]
        self._epoch = 0

    def ask(self, *, for_replicas: bool = False) -> Told:
        """Ask who is the primary.

        Raises:
            MasterNotFoundError: None answers, or none knows the name, or a minority answers that
                knows less than another one did before.
        """
        # In this order: replicas of before, with the primary of now, are too many at worst.
        questions = [*([_REPLICAS] if for_replicas else []), _STATE, _PRIMARY]
        now_s = time.monotonic()
        silent = [one for one in self._all if one.silent_until_s > now_s]
        told = self._ask_all([one for one in self._all if one not in silent], questions)
        told = told or self._ask_all(silent, questions)
        newest = max(told, key=lambda one: one.epoch, default=None)
        # Who sets all sentinels up anew begins at 0 again.
        is_majority = 2 * len(told) > len(self._all)
        if newest is None or (newest.epoch < self._epoch and not is_majority):
            raise MasterNotFoundError(_NO_ANSWER.format(self._name))
        self._epoch = newest.epoch
        return newest

    def _ask_all(self, sentinels: Sequence[_Sentinel], questions: Sequence[str]) -> list[Told]:
        asked = [(one, self._send(one, questions)) for one in sentinels]
        ends_at_s = time.monotonic() + self._timeout_s
        told = [
            self._read(one, connection, questions, ends_at_s)
            for one, connection in asked
            if connection is not None
        ]
        return [one for one in told if one is not None]

    def _send(self, sentinel: _Sentinel, questions: Sequence[str]) -> Any:
        """Ask one, without waiting for its answer; None when it cannot be reached."""
        pool = sentinel.client.connection_pool
        connection: Any = None
        try:
            connection = pool.get_connection()
            commands = [(*question.split(), self._name) for question in questions]
            connection.send_packed_command(connection.pack_commands(commands))
        except RedisError:
            _leave(sentinel, connection)
            return None
        return connection

    def _read(
        self, sentinel: _Sentinel, connection: Any, questions: Sequence[str], ends_at_s: float
    ) -> Told | None:
        answers: dict[str, Any] = {}
        try:
            for question in questions:
                # What has come already is read however late it is.
                left_s = max(0.01, ends_at_s - time.monotonic())
                answer = connection.read_response(timeout=left_s)
                answers[question] = sentinel.client.response_callbacks[question](answer)
        except RedisError:
            _leave(sentinel, connection)
            return None
        sentinel.client.connection_pool.release(connection)
        if not (primary := answers[_PRIMARY]):
            return None
        return Told(
            int(answers[_STATE].get("config-epoch", 0)),
            (str(primary[0]), int(primary[1])),
            answers.get(_REPLICAS, ()),
        )

    def close(self) -> None:
        """Close all connections."""
        for one in self._all:
            one.client.close()


def _leave(sentinel: _Sentinel, connection: Any) -> None:
    sentinel.silent_until_s = time.monotonic() + SILENT_S
    if connection is not None:
        # What it still says would be read as the answer to the next question.
        connection.disconnect()
        sentinel.client.connection_pool.release(connection)

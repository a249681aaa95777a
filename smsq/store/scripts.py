"""The Lua scripts of all rooms (`smsq/<room>/<name>.lua`), run by name.

In:  a Redis client, the namespace, a script's name and arguments. Out: what the script returns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from threading import Lock
from typing import Any, Self

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError, ResponseError

from smsq.settings import Settings
from smsq.store import detour
from smsq.store.clock import Watch
from smsq.store.fitness import PROBES
from smsq.store.keys import Keys
from smsq.store.lua.nesting import Nesting
from smsq.store.lua.parts import Definition, pick, read_definitions
from smsq.store.refusals import NEWER_FORMAT

#: A script's argument, as Redis takes it.
Arg = str | int | float | bytes

#: Microseconds since 1970, or None for Redis' own clock.
Clock = Callable[[], int | None]


def redis_clock() -> None:
    """Leave the time to Redis, so that workers with wrong clocks share one truth."""


#: A script with the line `-- needs limit.lua` gets that too, and so on. The arguments of those that
#: need the limiter begin with rate and burst; of those that need the rules, they end with these.
_NEEDS = "\n-- needs {}.lua\n"
_PARTS = (
    *("limit", "recent_failures", "unprepared", "endpoints", "idempotency", "per_phone"),
    "reserve",
    *("rules", "cap", "request", "paging", "measure", "webhook_state", "take_tick", "audit"),
)

#: A script with this line leaves nothing in an empty ledger, not even the time: nothing there could
#: be early or late.
_BEGINS_NONE = "\n-- begins no clock\n"

#: A script with this line goes on in a ledger of a newer format: it ends what was begun before.
_TAKES_NEWER = "\n-- takes newer ledgers\n"

#: What every script begins with, in this order; of all parts it gets the definitions that it uses.
_BASE = (
    *("news", "lib", "places", "phones", "doubt", "chores", "move", "index", "store", "accepted"),
    *("gathered", "brakes"),
)

#: What every command in a script stands between, be it called by a variable.
_QUOTED = re.compile(r"'([A-Z]+)'")

_putting_together = Lock()
[_RETURN] = read_definitions("return answer\n")
_JUDGE = [*read_definitions("judge_campaigns()\n")]


@cache
def _source(name: str) -> str:
    parts = [part for part in _PARTS if _NEEDS.format(part) in _read(name)]
    begins_clock = f"local BEGINS_CLOCK = {str(_begins_clock(name)).lower()}\n"
    takes_newer = f"local TAKES_NEWER = {str(_TAKES_NEWER in _read(name)).lower()}\n"
    own = _read_definitions(name)
    measures = read_definitions("write_measures()\n" if "measure" in parts else "")
    last = [*_JUDGE, *measures, *_read_definitions("publish"), _RETURN]
    shared = [one for part in (*_BASE, *parts) for one in _read_definitions(part)]
    marks = read_definitions(begins_clock + takes_newer)
    picked = pick([*marks, *shared], [*own, *last])
    nesting = Nesting([*picked, *own, *last])
    at, until = len(picked), len(picked) + len(own)
    body = (
        f"{nesting.write(0, at)}local function run()\n{nesting.write(at, until)}end\n"
        f"local answer = run()\n{nesting.write(until, until + len(last))}"
    )
    return f"{_write_rights(body)}{body}"


def _write_rights(body: str) -> str:
    commands = sorted(set(_QUOTED.findall(body)) & PROBES.keys())
    listed = ", ".join(f"'{command}'" for command in commands)
    return f"do\nlocal COMMANDS = {{{listed}}}\n{_read('rights')}end\n"


@cache
def _read_definitions(name: str) -> Sequence[Definition]:
    return [*read_definitions(_read(name))]


def _begins_clock(name: str) -> bool:
    return _BEGINS_NONE not in _read(name)


@cache
def _read(name: str) -> str:
    return find_files()[name].read_text(encoding="utf-8")


@cache
def find_files() -> Mapping[str, Traversable]:
    """Find the file of every script and of every part, by its name without `.lua`."""
    folders = [folder for folder in resources.files("smsq").iterdir() if folder.is_dir()]
    files = [file for folder in folders for file in folder.iterdir()]
    return {file.name[:-4]: file for file in files if file.name.endswith(".lua")}


class Scripts:
    """Runs the scripts below one namespace.

    Args:
        redis: Client with `decode_responses=True`.
        retention_ms: How long finished jobs are kept.
        events_keep_ms: How long news of what changed is kept; 0 for none.
        clock: Tests pass a clock of their own.
        watch: Of a process that watches the ledger's time.
    """

    def __init__(
        self,
        redis: Redis,
        namespace: str,
        *,
        retention_ms: int,
        events_keep_ms: int,
        clock: Clock = redis_clock,
        watch: Watch | None = None,
    ) -> None:
        self.redis = redis
        self.keys = Keys(namespace)
        self._retention_ms = retention_ms
        self._events_keep_ms = events_keep_ms
        self._watch = watch
        self._clock = clock
        self._registered: dict[str, Script] = {}

    @classmethod
    def of(cls, redis: Redis, settings: Settings) -> Self:
        """Make the scripts of the queue that the settings describe."""
        return cls(
            redis,
            settings.namespace,
            retention_ms=settings.retention_s * 1000,
            events_keep_ms=settings.events_keep_s * 1000,
            watch=Watch(),
        )

    @property
    def watch(self) -> Watch | None:
        """Of the ledger's time; None on a detour, where a test moves it."""
        return None if detour.current is not None else self._watch

    @watch.setter
    def watch(self, watch: Watch | None) -> None:
        """Set it; tests do."""
        self._watch = watch

    def run(self, name: str, *args: Arg, client: Redis | None = None) -> Any:
        """Run one script; with `client` (a pipeline) its result comes with the pipeline's."""
        watch = self.watch
        if watch and watch.is_due() and _begins_clock(name):
            watch.look(self._run)
        return self._run(name, *args, client=client)

    def look_at_format(self) -> None:
        """Look whether a newer version of smsq wrote the ledger; unlike scripts, write nothing.

        Raises:
            RedisError: It did (`smsq.store.refusals.is_newer`), or Redis does not answer.
        """
        [known] = re.findall(r"^local FORMAT = (\d+)$", _read("lib"), re.MULTILINE)
        if int(str(self.redis.hget(self.keys.limiter, "format") or 0)) > int(known):
            raise ResponseError(NEWER_FORMAT)

    def _run(self, name: str, *args: Arg, client: Redis | None = None) -> Any:
        if name not in self._registered:
            # A hundred threads that all need it first must not all put it together.
            with _putting_together:
                self._registered[name] = self.redis.register_script(_source(name))
        header: list[Arg] = [self.keys.namespace, self._time(), self._retention_ms]
        args = (*header, *args, self._events_keep_ms)
        if client is None:
            return _call(self.redis, self._registered[name], args)
        return self._registered[name](keys=[], args=args, client=client)

    def _time(self) -> str:
        now_us = self._clock()
        watch = self.watch
        at_most_us = watch.at_most_us() if watch else None
        sent_us = watch.sent_us if watch else 0
        told = "" if now_us is None else str(now_us)
        told += "" if at_most_us is None else f"~{at_most_us}"
        return told + (f"^{sent_us}" if sent_us else "")


def _call(redis: Redis, script: Script, args: Sequence[Arg]) -> Any:
    """Run a script on a connection of the pool.

    redis-py's own way counts, times and wraps each command: half of what a worker did. Here as
    there, a connection whose answer was lost is closed, and nothing is tried twice.
    """
    pool = redis.connection_pool
    connection: Any = pool.get_connection()
    try:
        try:
            return _evaluate(connection, script.sha, args)
        except NoScriptError:
            connection.send_command("SCRIPT", "LOAD", script.script)
            connection.read_response()
            return _evaluate(connection, script.sha, args)
    finally:
        pool.release(connection)


def _evaluate(connection: Any, sha: str, args: Sequence[Arg]) -> Any:
    connection.send_command("EVALSHA", sha, 0, *args)
    return connection.read_response()

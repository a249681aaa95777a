"""Whether a server can keep the ledger: its version, its scripts, what its user may do.

In:  a Redis client. Out: what is in the way, each with what to do; looked at before anything runs,
since a script that meets it half way through has written by then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from redis import Redis
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from smsq.store.refusals import find_refusal

#: The least version of Redis that has all commands of the scripts.
LEAST_REDIS = (6, 2)

#: How long what was written for a look is kept, should a look break off.
_KEPT_MS = 3000

#: What scripts and readers ask for, each so that it does nothing to a string, which `KEY` is, or to
#: `NONE`, which is not there. Redis looks at rights before it looks at types.
_KEY, _NONE = "KEY", "NONE"
_SCRIPT = "return redis.call('EXISTS', ARGV[1])"  # a key that it is not given as one, as in ours
PROBES: Mapping[str, Sequence[str]] = {
    "SET": (_KEY, "1", "PX", str(_KEPT_MS)),
    "EXISTS": (_KEY, _NONE),  # together, as consumers ask for rings of all queues
    **dict.fromkeys(("GET", "HGETALL", "HKEYS", "HLEN"), (_KEY,)),
    **dict.fromkeys(("LLEN", "LPOP", "RPOP", "SMEMBERS", "ZCARD"), (_KEY,)),
    **dict.fromkeys(("HDEL", "HEXISTS", "HGET", "HMGET"), (_KEY, "a")),
    **dict.fromkeys(("SADD", "SMISMEMBER", "SREM"), (_KEY, "a")),
    **dict.fromkeys(("LPUSH", "RPUSH", "ZREM", "ZSCORE"), (_KEY, "a")),
    **dict.fromkeys(("LRANGE", "LTRIM", "ZRANGE", "ZREVRANGE"), (_KEY, "0", "0")),
    **dict.fromkeys(("ZCOUNT", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"), (_KEY, "0", "0")),
    **dict.fromkeys(("HINCRBY", "HINCRBYFLOAT"), (_KEY, "a", "1")),
    **dict.fromkeys(("HSET", "HSETNX"), (_KEY, "a", "1")),
    "ZREMRANGEBYSCORE": (_KEY, "0", "0"),
    "ZADD": (_KEY, "LT", "0", "a"),
    "INCRBY": (_KEY, "0"),
    "LINDEX": (_KEY, "0"),
    "LREM": (_KEY, "0", "a"),
    "LSET": (_KEY, "0", "a"),
    "EXPIRE": (_KEY, "3"),
    "PEXPIRE": (_KEY, str(_KEPT_MS)),
    "XADD": (_KEY, "MINID", "~", "1", "*", "a", "1"),
    "XRANGE": (_KEY, "-", "+"),
    "XREVRANGE": (_KEY, "+", "-"),
    **dict.fromkeys(("PERSIST", "UNLINK"), (_NONE,)),
    "RENAME": (_NONE, _NONE),
    "TIME": (),
    "SCRIPT LOAD": (_SCRIPT,),
    "EVALSHA": (hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest(), "0", _KEY),
    "DEL": (_KEY,),
}


def find_faults(redis: Redis, key: str) -> Sequence[str]:
    """Say what is in the way of keeping the ledger on this server.

    Args:
        redis: Client of the ledger.
        key: Below the namespace; is written and goes away, as does another one like it.

    Raises:
        RedisError: The server does not answer, or refuses for now.
    """
    names = {_KEY: key, _NONE: f"{key}:none"}
    pipeline: Any = redis.pipeline(transaction=False)
    for command, args in PROBES.items():
        pipeline.execute_command(*command.split(), *(names.get(arg, arg) for arg in args))
    answers = dict(zip(PROBES, pipeline.execute(raise_on_error=False), strict=True))
    if too_old := find_age(_read_info(redis)):
        return [too_old]
    return [*read_answers(answers, key)]


def try_write(redis: Redis, key: str) -> None:
    """Write what goes away by itself: a server that answers `PING` may still refuse to store.

    Raises:
        RedisError: It does, or does not answer.
    """
    redis.set(key, "1", px=_KEPT_MS)


def find_age(info: Mapping[str, Any]) -> str | None:
    """Say that the server is too old; None when it is not, or does not say. Pure."""
    version = str(info.get("redis_version", ""))
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    if not (major.isdecimal() and minor.isdecimal()) or (int(major), int(minor)) >= LEAST_REDIS:
        return None
    return f"Redis {version} is too old: {_NEWER}"


_NEWER = (
    f"use Redis {'.'.join(map(str, LEAST_REDIS))} or newer, or Valkey, since scripts fail here "
    "after they have written"
)


def read_answers(answers: Mapping[str, object], key: str) -> Iterator[str]:
    """Say what is in the way, by what each command was answered. Pure."""
    failed = {name: a for name, a in answers.items() if isinstance(a, RedisError)}
    forbidden = {name: a for name, a in failed.items() if isinstance(a, NoPermissionError)}
    of_keys = [name for name, error in forbidden.items() if "key" in _without_name(error, name)]
    commands = [name for name in forbidden if name not in of_keys]
    if commands:
        rights = " ".join(f"+{name.lower().replace(' ', '|')}" for name in commands)
        yield f"its user may not use {', '.join(commands)}: ACL SETUSER name {rights}"
    if of_keys:
        namespace = key.rpartition(":")[0]
        yield f"its user may not use keys of {namespace}: ACL SETUSER name ~{namespace}:*"
    unknown = [name for name, a in failed.items() if str(a).startswith("unknown command")]
    if unknown:
        yield f"this server does not know {', '.join(unknown)}: {_NEWER}"
    scripts = failed.get("EVALSHA")
    if scripts and not (forbidden or unknown) and find_refusal(scripts) is None:
        yield (
            "this server does not run scripts that read keys as they need them: use Redis or "
            "Valkey, or see the server's manual on undeclared keys"
        )
    if forbidden:
        return  # a script may not, either
    lasting = (find_refusal(error) for error in failed.values())
    for what, fix in {(one.what, one.fix): 0 for one in lasting if one and one.is_lasting}:
        yield f"{what}: {fix}"


def _without_name(error: RedisError, command: str) -> str:
    return str(error).lower().replace(command.lower(), "")


def _read_info(redis: Redis) -> Mapping[str, Any]:
    try:
        info: Mapping[str, Any] = redis.info("server")
    except ResponseError:
        return {}  # managed servers may forbid it
    return info

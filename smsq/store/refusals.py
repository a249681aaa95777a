"""Every way in which Redis refuses: what it means, what to do, and whether anything was done.

In:  an error of Redis' client. Out: the row of it in one table, and what follows from that row.

Redis looks at most of these before a command begins, or at a script's first write. Rights and
places are looked at for each command of a script: what it wrote stays written, see rights.lua.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from redis import exceptions
from redis.exceptions import RedisError, ResponseError


class NotKeptError(RedisError):
    """What was stored has not reached the disk or a replica in time; it may still, or be lost."""


class Done(Enum):
    """How far Redis may have come when it refused."""

    NOTHING = "nothing, or not a script's first write"
    HALF = "nothing, unless a script was at work: then its first half"
    MAYBE = "perhaps everything"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of refusal.

    Attributes:
        what: What is the matter, without a word of the error's own.
        fix: What to do.
        is_moved: True when the server is the primary no more, so that connections are to be made
            anew.
        is_lasting: True when it ends by no other means than an operator's.
    """

    what: str
    fix: str
    done: Done = Done.NOTHING
    is_moved: bool = False
    is_lasting: bool = False


_MOVED = Refusal(
    "it is read-only: another one is the primary", "let the address name the primary", is_moved=True
)
_FULL = Refusal("it is full", "raise maxmemory, or delete what is not smsq's")
_LOADING = Refusal("it is loading its data", "wait: it answers when it is done")
_RIGHTS = Refusal(
    "its user lacks a right",
    "give it the right: ACL SETUSER, as ACL LOG tells",
    Done.HALF,
    is_lasting=True,
)
_PASSWORD = Refusal(
    "it does not know the user or the password",
    "correct user and password in the address",
    is_lasting=True,
)
_CLIENTS = Refusal("it has too many clients", "raise maxclients, or run fewer processes")
_CLUSTER = Refusal(
    "it is a cluster's node that does not have the keys",
    "use a Redis without cluster, or the address of the node that has them",
    Done.HALF,
    is_lasting=True,
)
_SCATTERED = Refusal(
    "it is a cluster, which scatters the keys of this namespace",
    "use a Redis without cluster, or put SMSQ_NAMESPACE in braces, as in {shop}",
    Done.HALF,
    is_lasting=True,
)
_BUSY = Refusal("some client's script runs for too long", "wait; when it does not end: SCRIPT KILL")

#: By the first word of Redis' answer.
REFUSALS: dict[str, Refusal] = {
    **dict.fromkeys(("READONLY", "MASTERDOWN", "NOMASTERLINK"), _MOVED),
    # A wait that was ended by a failover: what came before the wait is written.
    "UNBLOCKED": Refusal(_MOVED.what, _MOVED.fix, Done.MAYBE, is_moved=True),
    "OOM": _FULL,
    "MISCONF": Refusal("it cannot write to its disk", "make room on Redis' disk and read its log"),
    "NOREPLICAS": Refusal(
        "too few replicas are connected", "start the replicas, or lower min-replicas-to-write"
    ),
    "LOADING": _LOADING,
    "BUSY": _BUSY,
    # It is told to whoever wants to end a script that has written.
    "UNKILLABLE": Refusal(_BUSY.what, "wait until it ends", Done.MAYBE),
    "NOPERM": _RIGHTS,
    **dict.fromkeys(("NOAUTH", "WRONGPASS"), _PASSWORD),
    "CLUSTERDOWN": Refusal(
        "its cluster has no node for some keys", "see CLUSTER INFO, or use one node", Done.HALF
    ),
    **dict.fromkeys(("MOVED", "ASK"), _CLUSTER),
    "CROSSSLOT": _SCATTERED,
    "TRYAGAIN": Refusal("its cluster is moving keys", "wait until it is done", Done.HALF),
    "EXECABORT": Refusal("it dropped a transaction", "look for an earlier refusal in the log"),
    "NOSCRIPT": Refusal("it forgot a script", "try again"),
}

#: Classes of the client's that take the first word off the answer.
_CODES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.MasterDownError, "MASTERDOWN"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.AuthenticationError, "NOAUTH"),
    (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.ClusterCrossSlotError, "CROSSSLOT"),
    (exceptions.AskError, "ASK"),  # MovedError's parent
    (exceptions.ExecAbortError, "EXECABORT"),
    (exceptions.NoScriptError, "NOSCRIPT"),
)

_TOO_OLD = Refusal("it is too old", "use Redis 6.2 or newer, or Valkey", is_lasting=True)
_NO_DATABASE = Refusal(
    "it has no database of that number",
    "let the address end with /0; a cluster has no other",
    is_lasting=True,
)
NEWER_FORMAT = "the ledger is of a newer format"  #: by store/lib.lua, before a script does anything
_NEWER = Refusal(
    "its ledger was written by a newer version of smsq",
    "install that version here, too",
    is_lasting=True,
)
#: Without a word of their own, or about a connection.
_BY_WORDS: tuple[tuple[str, Refusal], ...] = (
    (NEWER_FORMAT, _NEWER),
    (  # by ledger/reserve.lua
        "the rest of the memory is kept",
        Refusal("it is nearly full; the rest is kept for what is stored", "raise maxmemory"),
    ),
    # The first command of a connection, which Redis before 6 does not know.
    ("unknown command 'hello'", _TOO_OLD),
    ("unknown command `hello`", _TOO_OLD),
    ("max number of clients", _CLIENTS),
    # Of the address's sentinels, none knows its name, or none answers (store/primary.py).
    (
        "no sentinel names a primary",
        Refusal(
            "no sentinel names a primary",
            "start the sentinels, or correct hosts and name in the address",
        ),
    ),
    ("acl failure in script", _RIGHTS),
    ("the user executing the script can't", _RIGHTS),
    ("a non local key in a cluster node", _CLUSTER),
    ("a slot not served", REFUSALS["CLUSTERDOWN"]),
    ("do not hash to the same slot", _SCATTERED),
    ("select is not allowed in cluster mode", _NO_DATABASE),
    ("db index is out of range", _NO_DATABASE),
    (
        "certificate verify failed",
        Refusal(
            "its certificate is not trusted",
            "set ssl_ca_certs in the address to the file of its authority",
            is_lasting=True,
        ),
    ),
)

#: Redis' word that it did not even begin, and the client's that it did not ask.
_NOT_BEGUN_WORDS = ("wrong number of arguments", "unknown command", "max number of clients")
_NOT_ASKED = (exceptions.DataError, exceptions.MaxConnectionsError)

_OF_PIPELINE = "of pipeline caused error: "
_FIRST_WORD = re.compile(r"-?([A-Z]+)(?: |$)")
#: Redis 6.2 puts what a script's command was answered at the end of its own words.
_OF_SCRIPT = re.compile(r"Error running script .*?: ?-([A-Z]+) ")
_IN_SCRIPT = re.compile(r"running script|in script|\bscript: ")
#: As store/rights.lua says it.
_MISSING_RIGHT = re.compile(r"may not use ([A-Z]+) on keys of (\S+)")


def find_refusal(error: Exception) -> Refusal | None:
    """Find which kind of refusal an error is; None when it is none, or of no known kind."""
    if isinstance(error, exceptions.MaxConnectionsError):
        return Refusal(
            "this process uses all the connections it may have",
            "raise SMSQ_REDIS_MAX_CONNECTIONS, or call from fewer threads at once",
        )
    # redis-py says first which command of a pipeline it was.
    words = str(error).rpartition(_OF_PIPELINE)[2]
    # Whatever words of another error are in a NotKeptError: something was stored before.
    if isinstance(error, RedisError | OSError) and not isinstance(error, NotKeptError):
        plain = words.lower().replace("_", " ")
        for mark, refusal in _BY_WORDS:
            if mark in plain:
                return refusal
    for kind, code in _CODES:
        if isinstance(error, kind):
            return REFUSALS[code]
    if not isinstance(error, ResponseError):
        return None
    said = _FIRST_WORD.match(words) or _OF_SCRIPT.search(words)
    return REFUSALS.get(said[1]) if said else None


def may_have_written(error: RedisError) -> bool:
    """Say whether what was asked of Redis may have been done, though it ended in this error.

    Redis does not take back what a script wrote before it failed.
    """
    if isinstance(error, _NOT_ASKED) or str(error).startswith(_NOT_BEGUN_WORDS):
        return False
    refusal = find_refusal(error)
    if refusal is None or refusal.done is Done.MAYBE:
        return True
    return refusal.done is Done.HALF and bool(_IN_SCRIPT.search(str(error)))


def has_moved(error: Exception) -> bool:
    """Say whether the server refused since another one is the primary now."""
    refusal = find_refusal(error)
    return refusal is not None and refusal.is_moved


def is_newer(error: Exception) -> bool:
    """Say whether this version of smsq is too old for the ledger."""
    return find_refusal(error) is _NEWER


def is_of_data(error: Exception) -> bool:
    """Whether a command failed at what is stored, and not because Redis is away or refuses."""
    return type(error) is ResponseError and find_refusal(error) is None


def explain(error: Exception) -> tuple[str, str] | None:
    """Say what Redis said, and what to do; None when it said nothing, or nothing known."""
    refusal = find_refusal(error)
    if refusal is _RIGHTS and (missing := _MISSING_RIGHT.search(str(error))):
        return refusal.what, f"ACL SETUSER name +{missing[1].lower()} ~{missing[2]}:*"
    return (refusal.what, refusal.fix) if refusal else None


def say(error: Exception) -> str:
    """Say in a few words why Redis did not do what it was asked."""
    if known := explain(error):
        return f"Redis refuses: {known[0]}"
    did = "refuses" if isinstance(error, ResponseError) else "cannot be reached"
    return f"Redis {did} ({type(error).__name__})"

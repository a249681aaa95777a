"""What Redis said when it refused, and what to do about it.

In:  an error of Redis' client. Out: two short phrases, without anything of the error's own words.
"""

from __future__ import annotations

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterError,
    MaxConnectionsError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    RedisError,
)

from smsq.store.pool import has_moved

#: By class, or by a word of the answer: what is the matter, what to do. The first that fits.
_KINDS: tuple[tuple[tuple[type[Exception], ...], tuple[str, ...], str, str], ...] = (
    (
        (OutOfMemoryError,),
        ("OOM",),
        "it is full",
        "raise maxmemory, or delete what is not smsq's",
    ),
    (
        (),
        ("MISCONF",),
        "it cannot write to its disk",
        "make room on Redis' disk and read its log",
    ),
    (
        (BusyLoadingError,),
        ("LOADING",),
        "it is loading its data",
        "wait: it answers when it is done",
    ),
    (
        (),
        ("NOREPLICAS",),
        "too few replicas are connected",
        "start the replicas, or lower min-replicas-to-write",
    ),
    (
        (NoPermissionError,),
        ("NOPERM",),
        "its user lacks a right",
        "give it the right: ACL SETUSER, as ACL LOG tells",
    ),
    (
        (AuthenticationError,),
        ("NOAUTH", "WRONGPASS"),
        "it does not know the user or the password",
        "correct user and password in the address",
    ),
    (
        (MaxConnectionsError,),
        ("max number of clients",),
        "it has too many clients",
        "raise maxclients, or run fewer processes",
    ),
    (
        (ClusterError, MovedError),
        ("MOVED", "CLUSTERDOWN"),
        "it is a cluster's node that does not have the keys",
        "name the node that has them, or use a Redis without cluster",
    ),
    (
        (),
        ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"),
        "its certificate is not trusted",
        "set ssl_ca_certs in the address to the file of its authority",
    ),
)


def explain(error: Exception) -> tuple[str, str] | None:
    """Say what Redis said, and what to do; None when it said nothing, or nothing known."""
    if has_moved(error):
        return "it is read-only: another one is the primary", "let the address name the primary"
    words = str(error)
    for classes, marks, what, fix in _KINDS:
        if isinstance(error, classes) or (
            isinstance(error, RedisError | OSError) and any(mark in words for mark in marks)
        ):
            return what, fix
    return None


def say(error: Exception) -> str:
    """Say in a few words why Redis did not do what it was asked."""
    known = explain(error)
    return f"Redis refuses: {known[0]}" if known else f"Redis cannot be reached ({_name(error)})"


def _name(error: Exception) -> str:
    return type(error).__name__

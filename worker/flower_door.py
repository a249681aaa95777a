"""Who may open Flower, and what it may do: settings that hold however it is started by `smsq`.

In:  the environment and arguments of `smsq flower`. Out: Flower's own settings in the environment,
or what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping

from flower.views.monitor import Metrics
from tornado.web import authenticated

#: A stopped worker leaves Flower's list after ten minutes: each restart brings a new name.
#: Nothing of smsq needs Flower's buttons, and one of them stops workers.
DEFAULTS: Mapping[str, str] = {
    "FLOWER_READ_ONLY": "true",
    "FLOWER_PURGE_OFFLINE_WORKERS": "600",
}

_PASSWORD_OPTIONS = {"basic_auth", "auth"}


def has_password(environ: Mapping[str, str], options: Collection[str]) -> bool:
    """Say whether Flower will ask who comes.

    Args:
        environ: Where FLOWER_BASIC_AUTH is `user:password`, or several with commas between.
        options: Names of Flower's options on the command line; these count unseen.
    """
    if _PASSWORD_OPTIONS & {name.lstrip("-").replace("-", "_") for name in options}:
        return True
    pairs = [pair.partition(":") for pair in environ.get("FLOWER_BASIC_AUTH", "").split(",")]
    return all(user.strip() and password.strip() for user, _, password in pairs)


def close(environ: MutableMapping[str, str]) -> None:
    """Set what is not set, and have Flower's own /metrics ask for the password as its pages do."""
    for name, value in DEFAULTS.items():
        environ[name] = environ.get(name) or value
    Metrics.get = authenticated(Metrics.get)

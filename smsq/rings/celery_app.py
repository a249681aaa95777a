"""Our Celery app: what another app put into the environment does not reach it.

In:  a name, and options given in code. Out: a Celery app with those options and no others.

Celery takes the broker, the result backend, the loader and a whole module of options from
`CELERY_...` variables, before what is given in code, and looks for Django's settings. A web app
that has Celery for itself sets just these.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.app.utils import Settings as CelerySettings
from celery.loaders.app import AppLoader

#: What the names of Celery's own variables begin with, its commands' options among them.
FOREIGN_PREFIX = "CELERY_"


class GivenLoader(AppLoader):
    """Loads tasks, and no options: `CELERY_CONFIG_MODULE` names another app's."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:
        """Read nothing."""
        return {}


class GivenOptions(CelerySettings):
    """Options as they were given; those that Celery looks for in the environment first."""

    @property
    def broker_url(self) -> Any:
        """The one broker, for reading and writing."""
        return self.first("broker_url")

    @property
    def broker_read_url(self) -> Any:
        """The broker."""
        return self.broker_url

    @property
    def broker_write_url(self) -> Any:
        """The broker."""
        return self.broker_url

    @property
    def result_backend(self) -> Any:
        """None: the ledger has what became of a job."""
        return None


class OwnCelery(Celery):
    """A Celery app of given options alone.

    Args:
        main: Its name.
        **options: As for `Celery`.
    """

    amqp_cls = "smsq.rings.connection:Amqp"

    def __init__(self, main: str, **options: Any) -> None:
        loader = f"{GivenLoader.__module__}:{GivenLoader.__name__}"
        # Without the fix-ups, which are Django's alone.
        super().__init__(main, loader=loader, fixups=[], **options)
        # Celery makes this object itself, and fills this very one when options are first asked for.
        # A plain assignment would set an option of that name.
        object.__setattr__(self.conf, "__class__", GivenOptions)

"""Whether RabbitMQ answers: a worker's own loop asks for rings of a connection that may be dead.

In:  settings. Out: None, or what is the matter. Apart from worker/alive.py since it needs kombu.
"""

from __future__ import annotations

from typing import Any

from smsq.rings.broker import is_redis_broker
from smsq.rings.rings import make_celery
from smsq.settings import Settings

#: A busy broker is no dead one.
_PATIENCE_S = 5


def find_fault(settings: Settings) -> str | None:
    """Say why the broker does not answer; None when it does, or is a Redis, which others ask."""
    if is_redis_broker(settings.broker_url):
        return None
    app = make_celery(settings.broker_url, settings.namespace)
    try:
        with app.connection_for_write(connect_timeout=_PATIENCE_S) as connection:
            options: dict[str, Any] = connection.transport_options or {}
            patience = {"read_timeout": _PATIENCE_S, "write_timeout": _PATIENCE_S}
            connection.transport_options = options | patience
            connection.connect()
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
        return f"the broker cannot be reached ({type(error).__name__})"
    finally:
        app.close()
    return None

"""SQLAlchemy: an outbox among your tables, written in your transactions.

    outbox = Outbox(metadata, queue)
    with engine.begin() as connection:
        outbox.add(connection, order.phone, "Your order is ready")

In:  your `MetaData`, connections and sessions. Out: rows; `python -m smsq.contrib.sqlalchemy` is
their relay.
"""

from __future__ import annotations

try:
    import sqlalchemy as _sqlalchemy  # noqa: F401 - to say what is missing, in one sentence
except ModuleNotFoundError as _missing:
    if _missing.name != "sqlalchemy":
        raise
    raise ImportError(
        "smsq.contrib.sqlalchemy needs SQLAlchemy, which is not installed: "
        "pip install 'smsq[sqlalchemy]'"
    ) from None

from smsq.contrib.sqlalchemy.outbox import Outbox
from smsq.contrib.sqlalchemy.table import outbox_table

__all__ = ["Outbox", "outbox_table"]

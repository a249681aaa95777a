"""The database's clock, which ages and claims are counted by.

In:  an alias of DATABASES. Out: milliseconds since 1970.
"""

from __future__ import annotations

import time

from django.db import connections


def read_clock_ms(using: str) -> int:
    """Read the database's clock where it may be another than this host's."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return round(time.time() * 1000)
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp()) * 1000")
        return round(float(cursor.fetchone()[0]))

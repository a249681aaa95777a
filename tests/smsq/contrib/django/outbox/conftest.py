"""The outbox' table, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from smsq.contrib.django.outbox import at_commit
from tests.postgres import Postgres
from tests.smsq.contrib.django import conftest as _project  # noqa: F401 - sets Django up

DATABASES = ["default", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=DATABASES)
def using(request: pytest.FixtureRequest, smsq_settings: object) -> Iterator[str]:
    """An alias of DATABASES whose database has an empty outbox."""
    if request.param == "default":
        request.getfixturevalue("db")
        yield "default"
        return
    server: Postgres = request.getfixturevalue("postgres")
    schema = f"shop{uuid.uuid4().hex[:8]}"
    server.create(schema)
    connections.databases[schema] = connections.configure_settings(
        {
            "default": {},
            schema: {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "postgres",
                "USER": "postgres",
                "HOST": "127.0.0.1",
                "PORT": server.port,
                "OPTIONS": {"options": f"-csearch_path={schema}"},
            },
        }
    )[schema]
    # Without what other apps do after a migration: their tables are not there.
    MigrationExecutor(connections[schema]).migrate([("smsq_outbox", "0001_initial")])
    yield schema
    connections[schema].close()
    del connections.databases[schema]
    at_commit._relays.pop(schema, None)

"""An outbox of each test's own, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from smsq.contrib.outbox.relay import Relay
from smsq.contrib.sqlalchemy import Outbox
from smsq.queue import SmsQueue

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
PHONE = "+375291234567"


@dataclass(frozen=True)
class Shop:
    """An app with an outbox."""

    engine: sa.Engine
    outbox: Outbox
    queue: SmsQueue

    @property
    def relay(self) -> Relay:
        return self.outbox.relay(self.engine)

    def add(self, text: str = "code 1", **options: object) -> UUID:
        """Write and commit a message."""
        with self.engine.begin() as connection:
            return self.outbox.add(connection, PHONE, text, **options)  # type: ignore[arg-type]

    def row(self, row_id: UUID) -> sa.RowMapping:
        table = self.outbox.table
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(table).where(table.c.id == row_id))
            return rows.mappings().one()


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return str(request.getfixturevalue("postgres").create(f"shop{uuid.uuid4().hex[:8]}"))


@pytest.fixture
def engine(address: str) -> Iterator[sa.Engine]:
    made = sa.create_engine(address)
    yield made
    made.dispose()


@pytest.fixture
def shop(engine: sa.Engine, queue: SmsQueue) -> Shop:
    """A database with an outbox' table."""
    metadata = sa.MetaData()
    outbox = Outbox(metadata, queue)
    metadata.create_all(engine)
    return Shop(engine, outbox, queue)

"""The outbox on SQLAlchemy: written with the app's rows, handed over once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from smsq.contrib.outbox import relay as relay_module
from smsq.contrib.outbox.relay import BATCH, LEASE_MS, Relay
from smsq.contrib.outbox.table import Later, Stored
from smsq.contrib.sqlalchemy import Outbox
from smsq.errors import InvalidMessageError, KeyConflictError
from smsq.models import JobState, QuickMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.smsq.contrib.sqlalchemy.conftest import DATABASES, PHONE, Shop
from tests.support import free_port


def away(settings: Settings) -> SmsQueue:
    """A queue whose Redis is away."""
    return SmsQueue(settings=settings.on_redis(f"redis://127.0.0.1:{free_port()}/0"))


def test_a_committed_row_becomes_a_job(shop: Shop) -> None:
    row_id = shop.add("code 1", priority="urgent")

    assert shop.relay.step() == 1
    row = shop.row(row_id)
    assert row.state == "stored"
    assert shop.queue.status(row.job_id).state == "queued"
    assert shop.queue.stats().jobs[JobState.QUEUED] == 1


def test_neither_phone_nor_text_stays_in_a_row_that_is_stored(shop: Shop) -> None:
    row_id = shop.add("code 4821")
    shop.relay.step()

    assert not {"code 4821", PHONE} & {str(value) for value in shop.row(row_id).values()}
    assert not shop.row(row_id).options


def test_a_row_that_is_rolled_back_is_never_sent(shop: Shop) -> None:
    with shop.engine.connect() as connection:
        row_id = shop.outbox.add(connection, PHONE, "code 1")
        connection.rollback()
    shop.outbox.deliver_now(shop.engine, [row_id])

    assert shop.relay.step() == 0
    assert shop.queue.stats().jobs[JobState.QUEUED] == 0


def test_a_session_of_the_orm_takes_messages_too(shop: Shop) -> None:
    with Session(shop.engine) as session:
        kept = shop.outbox.add(session, PHONE, "kept")
        with session.begin_nested() as savepoint:
            shop.outbox.add(session, PHONE, "taken back")
            savepoint.rollback()
        session.commit()

    assert shop.relay.step() == 1
    assert shop.row(kept).state == "stored"


@pytest.mark.parametrize("address", DATABASES[1:], indirect=True)
def test_async_code_takes_the_outbox_as_the_page_says(shop: Shop, address: str) -> None:
    async def write() -> UUID:
        engine = create_async_engine(address)
        async with AsyncSession(engine) as session:
            row_id = await session.run_sync(shop.outbox.add, PHONE, "code 1")
            await session.commit()
        await engine.dispose()
        return row_id

    row_id = asyncio.run(write())

    assert shop.relay.step() == 1
    assert shop.row(row_id).state == "stored"


def test_a_mistake_is_raised_at_once_and_the_transaction_goes_on(shop: Shop) -> None:
    with shop.engine.begin() as connection:
        with pytest.raises(InvalidMessageError, match="phone"):
            shop.outbox.add(connection, "abc", "code")
        shop.outbox.add(connection, PHONE, "code")

    assert shop.relay.step() == 1


def test_no_frame_of_ours_that_an_error_leaves_holds_the_text(shop: Shop) -> None:
    with shop.engine.begin() as connection, pytest.raises(InvalidMessageError) as raised:
        shop.outbox.add(connection, "abc", "code 4821")

    left = raised.value.__traceback__
    while left:
        if "/tests/" not in left.tb_frame.f_code.co_filename:
            assert "4821" not in repr(left.tb_frame.f_locals)
        left = left.tb_next


def test_an_error_of_the_database_does_not_repeat_the_text(
    queue: SmsQueue, engine: sa.Engine
) -> None:
    outbox = Outbox(sa.MetaData(), queue, table_name="not_there")
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
        outbox.add(connection, PHONE, "Your code is 4821")

    shown = f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "not_there" in shown
    assert "4821" not in shown
    assert PHONE not in shown


def test_a_relay_that_is_killed_after_it_handed_a_row_over_repeats_it_harmlessly(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = shop.add()
    rows = shop.outbox.rows(shop.engine)
    now_ms = rows.now_ms()
    monkeypatch.setattr(type(rows), "settle", lambda *_, **__: 1 / 0)  # killed here
    with pytest.raises(ZeroDivisionError):
        Relay(rows, shop.queue).step()
    monkeypatch.undo()

    assert shop.relay.step() == 0  # the dead relay's claim holds
    monkeypatch.setattr(type(rows), "now_ms", lambda _: now_ms + 2 * LEASE_MS)
    assert shop.relay.step() == 1
    assert shop.row(row_id).state == "stored"
    assert shop.queue.stats().jobs[JobState.QUEUED] == 1


def test_urgent_rows_go_first_and_then_the_oldest(shop: Shop) -> None:
    for priority in ("bulk", "normal", "urgent"):
        shop.add(priority, priority=priority)
    rows = shop.outbox.rows(shop.engine)
    now_ms = rows.now_ms()

    taken = [
        rows.claim(str(n), now_ms=now_ms, until_ms=now_ms + 9000, limit=1)[0].text for n in range(3)
    ]

    assert taken == ["urgent", "normal", "bulk"]


def test_two_relays_never_claim_one_row(shop: Shop) -> None:
    for n in range(5):
        shop.add(str(n))
    rows = shop.outbox.rows(shop.engine)
    now_ms = rows.now_ms()

    first = rows.claim("a", now_ms=now_ms, until_ms=now_ms + 9000, limit=3)
    second = rows.claim("b", now_ms=now_ms, until_ms=now_ms + 9000, limit=3)

    assert (len(first), len(second)) == (3, 2)
    assert not {row.id for row in first} & {row.id for row in second}


@pytest.mark.parametrize("address", DATABASES[1:], indirect=True)
def test_a_relay_does_not_wait_for_rows_that_another_one_is_taking(
    shop: Shop,
) -> None:
    kept = [shop.add("first"), shop.add("second")]
    rows, table = shop.outbox.rows(shop.engine), shop.outbox.table
    now_ms = rows.now_ms()
    with shop.engine.begin() as other:
        other.execute(sa.select(table).where(table.c.id == kept[0]).with_for_update())

        taken = rows.claim("b", now_ms=now_ms, until_ms=now_ms + 9000, limit=2)

    assert [row.id for row in taken] == kept[1:]


def test_while_smsq_is_away_rows_wait_and_it_is_logged_once(
    shop: Shop, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    row_id = shop.add("code 4821")
    gone = away(settings)
    relay = Relay(shop.outbox.rows(shop.engine), gone)

    pauses_s = [relay.turn() for _ in range(4)]

    assert all(0 < pause_s <= 5 for pause_s in pauses_s)
    assert shop.row(row_id).state == "waiting"
    [said] = [record for record in caplog.records if record.name == "smsq.outbox"]
    assert said.levelno == logging.WARNING
    assert "4821" not in caplog.text
    assert "1234567" not in caplog.text
    assert shop.relay.step() == 1  # one whose Redis is there needs no wait
    assert shop.row(row_id).state == "stored"
    gone.close()


def test_the_end_of_an_outage_is_logged_too(
    shop: Shop,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = away(settings)
    relay = Relay(shop.outbox.rows(shop.engine), gone)
    shop.add()
    relay.turn()
    monkeypatch.setattr(relay, "_queue", shop.queue)

    assert relay.turn() == 0.0
    assert "is back after" in caplog.text
    gone.close()


def test_a_batch_has_a_bad_row_and_the_others_go(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = shop.add("good"), shop.add("bad")
    table = shop.outbox.table
    with shop.engine.begin() as connection:
        connection.execute(sa.update(table).where(table.c.id == bad).values(phone="12"))

    shop.relay.step()

    assert shop.row(good).state == "stored"
    assert (shop.row(bad).state, shop.row(bad).code) == ("failed", "phone_invalid")
    assert "phone" in shop.row(bad).reason
    assert shop.row(bad).text == "bad"


def test_a_failed_row_is_listed_corrected_and_retried(shop: Shop) -> None:
    row_id = shop.add()
    table, rows = shop.outbox.table, shop.outbox.rows(shop.engine)
    with shop.engine.begin() as connection:
        connection.execute(sa.update(table).values(phone="12"))
    shop.relay.step()

    [failed] = rows.failed(limit=10)
    assert (failed.id, failed.code) == (row_id, "phone_invalid")
    with shop.engine.begin() as connection:
        connection.execute(sa.update(table).values(phone=PHONE))
    assert rows.retry([row_id], now_ms=rows.now_ms()) == 1
    assert shop.relay.step() == 1
    assert shop.row(row_id).state == "stored"
    assert rows.failed(limit=10) == []


def test_a_failed_row_that_nobody_wants_is_dropped_and_others_stay(shop: Shop) -> None:
    shop.add("waits")
    rows = shop.outbox.rows(shop.engine)
    failed = shop.add("failed")
    with shop.engine.begin() as connection:
        table = shop.outbox.table
        connection.execute(
            sa.update(table).where(table.c.id == failed).values(state="failed", ended_at_ms=5)
        )

    assert rows.drop(None) == 1
    assert shop.outbox.status(shop.engine).waiting == 1


def test_a_damaged_row_keeps_nobody_back_and_is_tried_again(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    good, odd = shop.add("good"), shop.add("odd")
    table = shop.outbox.table
    with shop.engine.begin() as connection:
        connection.execute(
            sa.update(table).where(table.c.id == odd).values(options='{"of_a_newer_smsq": 1}')
        )

    shop.relay.step()

    assert shop.row(good).state == "stored"
    assert shop.row(odd).state == "waiting"
    assert shop.row(odd).not_before_ms > shop.row(odd).created_at_ms
    assert "tried again later: the row cannot be read (TypeError)" in caplog.text


def test_what_is_stored_already_with_another_time_counts_as_stored(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(_: object, messages: object) -> list[str]:
        raise KeyConflictError("used before", stored=[None])

    row_id = shop.add()
    monkeypatch.setattr(SmsQueue, "send_quick_many", conflict)
    shop.relay.step()

    assert shop.row(row_id).state == "stored"


def test_a_row_is_handed_over_right_after_its_commit(shop: Shop) -> None:
    row_id = shop.add()
    shop.outbox.deliver_now(shop.engine, [row_id])

    assert shop.row(row_id).state == "stored"
    assert shop.relay.step() == 0


def test_of_many_rows_a_request_hands_over_one_batch(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 2)
    shop.outbox.deliver_now(shop.engine, [shop.add(f"code {n}") for n in range(3)])

    assert shop.outbox.status(shop.engine).waiting == 1


def test_handing_over_right_away_raises_nothing_whatever_is_away(
    shop: Shop, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = away(settings)
    outbox = Outbox(shop.outbox.table.metadata, gone)
    row_id = shop.add()

    outbox.deliver_now(shop.engine, [row_id])
    assert shop.row(row_id).state == "waiting"
    outbox.deliver_now(sa.create_engine("sqlite:////nowhere/at.all"), [row_id])
    assert shop.relay.step() == 1
    gone.close()


def test_a_relay_goes_on_by_itself_after_its_database_was_away(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def lost(*_: object, **__: object) -> int:
        raise sa.exc.OperationalError("INSERT 4821", {"phone": PHONE}, Exception("gone"))

    row_id = shop.add()
    rows = type(shop.outbox.rows(shop.engine))
    with monkeypatch.context() as patch:
        patch.setattr(rows, "claim", lost)
        assert shop.relay.turn() > 0
        assert shop.relay.turn() > 0

    assert shop.relay.turn() == 0.0
    assert shop.row(row_id).state == "stored"
    assert caplog.text.count("is away") == 1
    assert "4821" not in caplog.text
    assert "1234567" not in caplog.text


def test_a_relay_stops_when_told_after_the_batch_in_hand(shop: Shop) -> None:
    shop.add()
    asked = iter([False, True])
    shop.relay.run(lambda _: next(asked))

    assert shop.outbox.status(shop.engine).waiting == 0


def test_a_batch_takes_a_bounded_number_of_rows(shop: Shop) -> None:
    messages = [QuickMessage(phone=PHONE, text=str(n)) for n in range(BATCH + 5)]
    with shop.engine.begin() as connection:
        shop.outbox.add_many(connection, messages)

    assert [shop.relay.step() for _ in range(3)] == [BATCH, 5, 0]


def test_the_status_tells_how_long_the_oldest_row_waits(shop: Shop) -> None:
    assert shop.outbox.status(shop.engine).oldest_waiting_s == 0.0
    shop.add()
    rows = shop.outbox.rows(shop.engine)

    status = rows.status(now_ms=rows.now_ms() + 60_000)

    assert status.waiting == 1
    assert 59 < status.oldest_waiting_s < 70


def test_rows_that_ended_long_ago_are_deleted(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    stored, waits = shop.add("stored"), shop.add("waits")
    rows = shop.outbox.rows(shop.engine)
    now_ms = rows.now_ms()
    rows.settle({stored: Stored("j1")}, now_ms=now_ms - 2 * shop.queue.settings.retention_s * 1000)
    monkeypatch.setattr(relay_module, "PRUNE_EVERY_S", 0.0)

    shop.relay.turn()

    with shop.engine.connect() as connection:
        assert connection.scalars(sa.select(shop.outbox.table.c.id)).all() == [waits]


def test_a_row_from_an_old_backup_waits_for_somebody_to_look(shop: Shop) -> None:
    row_id = shop.add()
    table, rows = shop.outbox.table, shop.outbox.rows(shop.engine)
    with shop.engine.begin() as connection:
        connection.execute(sa.update(table).values(waiting_since_ms=0))

    shop.relay.step()
    assert (shop.row(row_id).state, shop.row(row_id).code) == ("failed", "too_old")
    rows.retry(None, now_ms=rows.now_ms())
    shop.relay.step()
    assert shop.row(row_id).state == "stored"


def test_a_relay_that_comes_late_changes_nothing_of_a_row_that_is_stored(shop: Shop) -> None:
    row_id = shop.add()
    rows = shop.outbox.rows(shop.engine)
    rows.settle({row_id: Stored("j1")}, now_ms=1)
    rows.settle({row_id: Later(5)}, now_ms=2)
    rows.settle({row_id: replace(relay_module._TOO_OLD)}, now_ms=3)

    assert (shop.row(row_id).state, shop.row(row_id).job_id) == ("stored", "j1")

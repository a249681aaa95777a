"""The outbox under fire, in small; and a judge who sees what is doubled, lost or a ghost."""

from __future__ import annotations

import random

import pytest

from bench.harness import phone
from bench.outbox import judge, open_shop, run_rounds, settle
from bench.outbox_app import text


@pytest.mark.parametrize(
    ("times", "is_committed", "where"),
    [
        (1, True, "once"),
        (2, True, "twice"),
        (0, True, "lost"),
        (1, False, "ghosts"),
        (0, False, None),
    ],
)
def test_the_judge_compares_each_order_with_the_book(
    times: int, is_committed: bool, where: str | None
) -> None:
    book = {(phone(7), text(7)): times} if times else {}

    verdict = judge([7], [7] if is_committed else [], book)

    found = {name: getattr(verdict, name) for name in ("once", "twice", "lost", "ghosts")}
    assert {name for name, orders in found.items() if list(orders) == [7]} == {where} - {None}
    assert verdict.holds is (where in {"once", None})


def test_a_committed_order_that_the_journal_lacks_is_lost_where_the_book_lacks_it() -> None:
    assert judge([], [7], {}).lost == [7]


@pytest.mark.real_redis
@pytest.mark.postgres
@pytest.mark.slow  # `python -m bench.outbox` has 200 rounds
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_is_killed_at_random_sends_each_committed_row_once(database: str) -> None:
    with open_shop(database) as shop:
        run_rounds(shop, 8, random.Random(8))
        settle(shop)
        attempted = shop.attempted()
        verdict = judge(attempted, shop.committed(), shop.bed.gateway.accepted())

        assert verdict.holds, verdict
        assert verdict.once
        assert len(verdict.once) < len(attempted)
        assert not shop.status().failed

"""The provider's bill beside what was sent: each difference is found, and none is made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.operate.bill import Bill, Billed, Difference, Finding

PRICE = Decimal("0.035")


def ours(
    phone: str,
    *,
    message_id: int | None = None,
    parts: int | None = None,
    job_state: str = "done",
    state: str = "delivered",
) -> dict[str, Any]:
    return {
        "job": f"j-{phone}-{message_id}",
        "job_state": job_state,
        "state": state,
        "message_id": message_id,
        "parts": parts,
        "phone": phone,
    }


def compare(
    billed: Sequence[Billed], mine: Sequence[dict[str, Any]], price: Decimal | None = None
) -> list[Difference]:
    with closing(Bill(price)) as bill:
        bill.add_billed(billed)
        bill.add_ours(mine)
        return [*bill.compare()]


def kinds(found: Sequence[Difference]) -> list[tuple[Finding, int | None]]:
    return [(one.what, one.line) for one in found]


def phone(n: int) -> str:
    return f"3752910{n:05}"


def test_what_is_the_same_is_no_difference() -> None:
    rows = [Billed(n + 2, phone(n), n, 1, PRICE) for n in range(50)]

    assert compare(rows, [ours(phone(n), message_id=n, parts=1) for n in range(50)], PRICE) == []
    without_ids = [Billed(n + 2, phone(n)) for n in range(50)]
    assert compare(without_ids, [ours(phone(n), message_id=n) for n in range(50)]) == []


def test_each_kind_is_found_with_its_line_and_masked() -> None:
    found = compare(
        [
            Billed(2, phone(1), 1, 1, PRICE),
            Billed(3, phone(1), 1, 1, PRICE),  # twice
            Billed(4, phone(2), 2, 1, PRICE),  # not ours
            Billed(5, phone(3), 3, 2, 2 * PRICE),  # other parts
            Billed(6, phone(4), 4, 1, 2 * PRICE),  # dearer
        ],
        [
            ours(phone(1), message_id=1, parts=1),
            ours(phone(3), message_id=3, parts=1),
            ours(phone(4), message_id=4, parts=1),
            ours(phone(5), message_id=5, parts=1),  # not billed
        ],
        PRICE,
    )

    assert kinds(found) == [
        (Finding.TWICE, 3),
        (Finding.NOT_OURS, 4),
        (Finding.PARTS, 5),
        (Finding.PRICE, 6),
        (Finding.NOT_BILLED, None),
    ]
    assert found[1].phone == "+375*******02"
    assert (found[2].billed, found[2].expected) == ("2", "1")
    assert (found[3].billed, found[3].expected) == ("0.07", "0.035")
    assert found[4].job == f"j-{phone(5)}-5"


@pytest.mark.parametrize(
    ("job_state", "state", "differs"),
    [
        ("done", "withheld", True),
        ("rejected", "undelivered", True),
        ("queued", "pending", True),
        ("unknown", "pending", False),
        ("accepted", "pending", False),
    ],
)
def test_what_was_not_sent_must_not_be_billed(job_state: str, state: str, differs: bool) -> None:
    mine = [ours(phone(1), message_id=1, job_state=job_state, state=state)]

    assert bool(compare([Billed(2, phone(1), 1)], mine)) is differs


def test_what_may_have_been_sent_may_be_missing_from_the_bill() -> None:
    assert compare([], [ours(phone(1), job_state="unknown", state="pending")]) == []
    assert kinds(compare([], [ours(phone(1))])) == [(Finding.NOT_BILLED, None)]


def test_a_message_whose_id_is_not_known_is_matched_by_its_phone() -> None:
    rows = [Billed(2, phone(1), 7), Billed(3, phone(1), 8)]
    mine = [ours(phone(1), message_id=7), ours(phone(1))]

    assert compare(rows, mine) == []
    assert kinds(compare(rows, mine[:1])) == [(Finding.NOT_OURS, 3)]


sides = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20)


@given(sides, sides)
def test_by_id_and_phone_what_is_left_over_on_each_side_is_told(
    billed: list[tuple[int, int]], mine: list[tuple[int, int]]
) -> None:
    rows = [Billed(n, phone(who), some_id) for n, (who, some_id) in enumerate(billed, start=2)]
    found = Counter(
        one.what for one in compare(rows, [ours(phone(w), message_id=i) for w, i in mine])
    )

    on_bill, sent = Counter(billed), Counter(mine)
    too_many = on_bill - sent
    twice = sum(n for pair, n in too_many.items() if pair in sent)
    assert found[Finding.NOT_BILLED] == (sent - on_bill).total()
    assert found[Finding.TWICE] == twice
    assert found[Finding.NOT_OURS] == too_many.total() - twice

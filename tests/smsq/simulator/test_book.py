"""The book: ids, how often each text was accepted, states that move with time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from smsq.simulator.book import Book, Message
from smsq.simulator.contract import Bulk, BulkPart, Quick
from smsq.simulator.options import Options

NOW_S = datetime(2026, 11, 24, 9, 0, 0, tzinfo=UTC).timestamp()
OPTIONS = Options(sent_after_s=1, final_after_s=3)
QUICK = Quick("375291234567", "code", "1")


def many(n: int) -> dict[str, str]:
    return {f"37529{number:07d}": "sale" for number in range(1000, 1000 + n)}


def part(
    name: str = "Sale", recipients: dict[str, str] | None = None, at: datetime | None = None
) -> BulkPart:
    return BulkPart(name, "1", recipients or {"375291234567": "sale"}, at)


def words(book: Book, message: Message, options: Options, *, age_s: float) -> Counter[str]:
    now_s = NOW_S + age_s
    return Counter(book.word(message, phone, now_s, options) for phone in message.phones)


def test_ids_are_never_given_twice() -> None:
    book = Book()
    quick = [book.accept_quick(QUICK, NOW_S) for _ in range(3)]
    bulk = book.accept_bulk(Bulk("", [part("a"), part("b")]), NOW_S, OPTIONS)

    messages = [*quick, *bulk]
    assert len({message.message_id for message in messages}) == 5
    assert [message.name for message in messages] == ["", "", "", "a", "b"]
    assert len({message.uuid for message in bulk}) == 1
    assert bulk[0].uuid
    assert book.messages == {message.message_id: message for message in messages}


def test_a_text_accepted_twice_is_counted_twice_and_named() -> None:
    book = Book()
    book.accept_quick(QUICK, NOW_S)
    book.accept_quick(QUICK, NOW_S + 100)
    book.accept_quick(Quick("375291234567", "another", "1"), NOW_S)
    book.accept_bulk(Bulk("", [part(recipients={"375297654321": "code"})]), NOW_S, OPTIONS)

    assert book.summary() == {
        "messages": 4,
        "accepted": 4,
        "distinct": 3,
        "doubled": [("375291234567", "code", 2)],
    }


def test_states_move_with_time() -> None:
    book = Book()
    message = book.accept_quick(QUICK, NOW_S)

    seen = [
        book.states(NOW_S + age_s, OPTIONS)[message.message_id]["375291234567"]
        for age_s in (0, 0.9, 1, 2.9, 3, 1000)
    ]
    assert seen == ["NEW", "NEW", "sent", "sent", "delivered", "delivered"]


def test_a_schedule_is_kept_in_the_gateways_zone() -> None:
    book = Book()
    noon = datetime(2026, 11, 24, 12, 0, 10)  # noqa: DTZ001 - local by contract
    past = datetime(2020, 1, 1, 0, 0, 0)  # noqa: DTZ001 - local by contract
    later, now = book.accept_bulk(Bulk("", [part(at=noon), part(at=past)]), NOW_S, OPTIONS)

    assert words(book, later, OPTIONS, age_s=10.9) == {"NEW": 1}
    assert words(book, later, OPTIONS, age_s=11) == {"sent": 1}
    assert words(book, now, OPTIONS, age_s=1) == {"sent": 1}


def test_a_row_has_a_number_for_a_phone_and_a_local_time() -> None:
    book = Book()
    message = book.accept_quick(QUICK, NOW_S)

    new, sent = (book.rows(message, message.phones, NOW_S + age_s, OPTIONS)[0] for age_s in (0, 2))
    assert new == {"phone": 375291234567, "status": "NEW", "d_sent": None}
    assert sent == {"phone": 375291234567, "status": "sent", "d_sent": "2026-11-24 12:00:01"}


def test_a_phone_that_is_never_reached_is_never_delivered() -> None:
    book = Book()
    message = book.accept_quick(Quick("375291230410", "code", "1"), NOW_S)
    with_magic = replace(OPTIONS, magic=True)

    assert words(book, message, with_magic, age_s=2) == {"sent": 1}
    assert words(book, message, with_magic, age_s=3) == {"undelivered": 1}
    assert words(book, message, OPTIONS, age_s=3) == {"delivered": 1}


@pytest.mark.parametrize(("share", "least", "most"), [(0, 0, 0), (0.3, 400, 800), (1, 2000, 2000)])
def test_a_share_is_undelivered_and_always_the_same(share: float, least: int, most: int) -> None:
    options = Options(sent_after_s=1, final_after_s=3, undelivered_share=share, seed=5)
    book = Book()
    (message,) = book.accept_bulk(Bulk("", [part(recipients=many(2000))]), NOW_S, options)

    first, again = (book.states(NOW_S + age_s, options) for age_s in (5, 50))

    assert first == again
    counts = words(book, message, options, age_s=5)
    assert least <= counts["undelivered"] <= most
    assert counts["delivered"] == 2000 - counts["undelivered"]


def test_another_seed_falls_on_other_phones() -> None:
    book = Book()
    book.accept_bulk(Bulk("", [part(recipients=many(2000))]), NOW_S, OPTIONS)

    states = [book.states(NOW_S + 9, Options(undelivered_share=0.5, seed=seed)) for seed in (1, 2)]
    assert states[0] != states[1]


def test_odd_words_are_none_that_the_contract_names() -> None:
    options = Options(sent_after_s=1, final_after_s=3, odd_word_share=1, undelivered_share=0.5)
    book = Book()
    (message,) = book.accept_bulk(Bulk("", [part(recipients=many(500))]), NOW_S, options)

    waiting = words(book, message, options, age_s=2)
    final = words(book, message, options, age_s=3)

    assert set(waiting) == {"queued", "In process", "buffered by SMSC"}
    assert set(final) == {"EXPIRED", "delivered"}

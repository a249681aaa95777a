"""Receipts: signed addresses, and ids out of a body of any shape."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smsq.gateway.receipts import (
    MAX_FORM_FIELDS,
    is_signed,
    match_receipt,
    read_receipt,
    receipt_url,
    sign,
)
from smsq.models import ReceiptEntry

NOW_S = 1_800_000_000
KEY = "a secret of sixteen"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xx"
TWO = [ReceiptEntry(11, "Sale"), ReceiptEntry(12, "Bills")]
LISTED = [{"message_id": 11, "name": "Sale"}, {"message_id": "12", "name": "Bills"}]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
wrappers = st.lists(st.sampled_from(["list", "dict", "text", "siblings"]), max_size=6)


def entries(*message_ids: int) -> list[ReceiptEntry]:
    return [ReceiptEntry(message_id, None) for message_id in message_ids]


def wrap(document: object, wrappers: list[str]) -> object:
    for wrapper in wrappers:
        if wrapper == "list":
            document = [document]
        elif wrapper == "dict":
            document = {"data": document}
        elif wrapper == "text":
            document = json.dumps(document)
        else:
            document = {"uuid": "u", "before": [{"status": "OK"}], "data": document, "after": None}
    return document


def test_a_signed_address_is_known_by_its_signature() -> None:
    url = receipt_url("https://web.example/hooks/", "j1f", KEY, until_s=NOW_S)
    *_, folder, job_id, signature = urlsplit(url).path.split("/")

    assert url.startswith("https://web.example/hooks/receipts/")
    assert (folder, job_id) == ("receipts", "j1f")
    assert is_signed(job_id, signature, KEY, now_s=NOW_S)


@given(st.integers(0, 74), st.sampled_from("0123456789abcdefg-"))
def test_a_signature_with_another_letter_is_refused(place: int, letter: str) -> None:
    good = sign("j1f", KEY, until_s=NOW_S)
    changed = good[:place] + letter + good[place + 1 :]

    assert is_signed("j1f", changed, KEY, now_s=0) == (changed == good)


@given(st.text(st.characters(), max_size=80), st.text(st.characters(), max_size=10))
@example("é", "j1f")
@example("\ud83d", "j\ud83d")
@example("9" * 50 + "-a", "j1f")
@example("٣-a", "j1f")
def test_no_text_is_a_signature_or_an_exception(signature: str, job_id: str) -> None:
    assert not is_signed(job_id, signature, KEY, now_s=0)


def test_a_signature_fits_one_job_one_secret_and_one_spelling() -> None:
    good = sign("j1f", KEY, until_s=NOW_S)

    assert not is_signed("j2f", good, KEY, now_s=0)
    assert not is_signed("j1f", good, KEY + "x", now_s=0)
    assert not is_signed("j1f", good.upper(), KEY, now_s=0)
    assert not is_signed("j1f", f"0{good}", KEY, now_s=0)


@given(st.integers(1, 4 * NOW_S), st.integers(0, 4 * NOW_S))
def test_a_signature_is_good_until_its_time(until_s: int, now_s: int) -> None:
    signature = sign("j1f", KEY, until_s=until_s)

    assert is_signed("j1f", signature, KEY, now_s=now_s) == (now_s <= until_s)


@given(wrappers)
def test_ids_are_found_at_any_depth(wrappers: list[str]) -> None:
    body = json.dumps(wrap(LISTED, wrappers)).encode()

    assert read_receipt(body, JSON) == TWO


@pytest.mark.parametrize("content_type", [JSON, FORM, "text/plain", "", None, MULTIPART])
def test_json_is_read_whatever_it_is_called(content_type: str | None) -> None:
    assert read_receipt(json.dumps(LISTED).encode(), content_type) == TWO
    assert read_receipt(b"\xef\xbb\xbf \n" + json.dumps(LISTED).encode(), content_type) == TWO


@pytest.mark.parametrize(
    "fields",
    [
        [("uuid", "u"), ("messages", json.dumps(LISTED))],
        [("name", "Sale"), ("message_id", "11"), ("name", "Bills"), ("message_id", "12")],
        [
            ("messages[0][message_id]", "11"),
            ("messages[0][name]", "Sale"),
            ("messages[1][name]", "Bills"),
            ("messages[1][message_id]", "12"),
        ],
    ],
    ids=["json in a field", "flat", "brackets"],
)
@pytest.mark.parametrize("content_type", [FORM, FORM.upper(), None, "text/plain"])
def test_a_form_is_read_whatever_it_is_called(
    fields: list[tuple[str, str]], content_type: str | None
) -> None:
    assert read_receipt(urlencode(fields).encode(), content_type) == TWO


@pytest.mark.parametrize("name", ["message_ids[]", "message_ids", "message_id[]", "message_id"])
def test_a_form_may_repeat_a_name(name: str) -> None:
    body = urlencode([(name, "12"), (name, "11")]).encode()

    assert read_receipt(body, FORM) == entries(12, 11)


def test_a_form_may_number_a_name() -> None:
    assert read_receipt(b"message_ids[0]=12&message_ids[1]=11", FORM) == entries(12, 11)


def test_a_name_belongs_to_the_id_in_its_brackets_and_to_no_other() -> None:
    fields = {"m[0][message_id]": "11", "m[1][name]": "Bills", "m[1][message_id]": "12"}

    assert read_receipt(urlencode(fields).encode(), FORM) == [
        ReceiptEntry(11, None),
        ReceiptEntry(12, "Bills"),
    ]


def test_a_form_of_parts_is_read() -> None:
    parts = [("uuid", "u"), ("messages", json.dumps(LISTED))]
    body = "".join(
        f'--xx\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts
    )

    assert read_receipt(f"{body}--xx--\r\n".encode(), MULTIPART) == TWO


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"message_ids": [3, 1, 2]}, entries(3, 1, 2)),
        ({"message_id": [3, "1"]}, entries(3, 1)),
        ({"message_ids": 3}, entries(3)),
        ({"id": 3}, entries(3)),
        ({"ids": [3, 1]}, entries(3, 1)),
        ([{"id": 3, "name": "Sale"}], [ReceiptEntry(3, "Sale")]),
        ({"id": 9, "message_id": 3}, entries(3)),
        ({"id": 9, "messages": [{"message_id": 3}]}, entries(3)),
        ({"id": "cc9c8043-8caf"}, []),
        ({"message_id": 0, "id": 4}, entries(4)),
        ({"message_id": None}, []),
        ({"message_id": 1.5}, []),
        ({"message_id": 3, "name": 5}, entries(3)),
        ([5, 6], []),
        (5, []),
    ],
)
def test_what_is_called_an_id_is_one(document: object, found: list[ReceiptEntry]) -> None:
    assert read_receipt(json.dumps(document).encode(), JSON) == found


def test_an_id_that_stands_twice_keeps_its_first_place_and_takes_its_name() -> None:
    document = {"message_ids": [1, 2, 1], "messages": [{"message_id": 2, "name": "b"}]}

    assert read_receipt(json.dumps(document).encode(), JSON) == [
        ReceiptEntry(1, None),
        ReceiptEntry(2, "b"),
    ]


def test_a_name_in_another_encoding_does_not_cost_the_id() -> None:
    form = "name=Скидки&message_id=11".encode("cp1251")
    document = '{"name": "Скидки", "message_id": 11}'.encode("cp1251")

    assert [entry.message_id for entry in read_receipt(form, FORM)] == [11]
    assert [entry.message_id for entry in read_receipt(document, JSON)] == [11]


@given(
    st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    st.none()
    | st.text(max_size=20)
    | st.sampled_from([JSON, FORM, MULTIPART, "multipart/form-data"]),
)
@example(b"[" * 100_000, JSON)
@example(b'{"a":"' + b"[" * 100_000 + b'"}', JSON)
@example(b"&".join([b"message_id=1"] * (MAX_FORM_FIELDS + 1)), FORM)
@example(b"--xx\r\n\xff: \xff\r\n--xx", MULTIPART)
@example(b"message_id=" + b"9" * 10_000, FORM)
def test_no_body_is_an_exception(body: bytes, content_type: str | None) -> None:
    found = read_receipt(body, content_type)

    assert len({entry.message_id for entry in found}) == len(found)
    assert match_receipt(found, ["Sale"]) in ({}, *({0: e.message_id} for e in found))


@pytest.mark.parametrize(
    ("found", "names", "matched"),
    [
        (TWO, ["Sale", "Bills"], {0: 11, 1: 12}),
        (TWO, ["Bills", "Sale"], {0: 12, 1: 11}),
        (TWO, ["Same", "Sale"], {1: 11}),
        (entries(5, 4), ["a", "b"], {0: 5, 1: 4}),
        (entries(5), ["a", "b"], {}),
        (entries(5, 4, 3), ["a", "b"], {}),
        ([ReceiptEntry(5, None), ReceiptEntry(4, "a")], ["a", "b"], {0: 4, 1: 5}),
        ([ReceiptEntry(5, "a"), ReceiptEntry(4, "a")], ["a", "a"], {0: 5, 1: 4}),
        ([ReceiptEntry(5, "a"), ReceiptEntry(4, "a")], ["a"], {0: 5}),
        ([ReceiptEntry(5, "other")], ["a"], {0: 5}),
        ([ReceiptEntry(5, "other"), ReceiptEntry(4, "b")], ["a"], {}),
        ([ReceiptEntry(5, "a")], ["a", "a"], {}),
        ([ReceiptEntry(5, "Sale")], [" Sale", "Bills"], {0: 5}),
        ([ReceiptEntry(5, "sale")], ["Sale\u00a0 ", "Bills"], {0: 5}),
        ([ReceiptEntry(5, "й")], ["и\u0306", "Bills"], {0: 5}),
        ([ReceiptEntry(5, "и\u0306")], ["й", "Bills"], {0: 5}),
        ([ReceiptEntry(5, "b" * 100)], ["a" * 200, "b" * 200], {1: 5}),
        ([ReceiptEntry(5, "b" * 100)], ["b" * 100, "b" * 200], {}),
        (
            [ReceiptEntry(5, "b" * 200), ReceiptEntry(4, "b" * 100)],
            ["b" * 100, "b" * 200],
            {0: 4, 1: 5},
        ),
        ([ReceiptEntry(5, "Sal")], ["Sale", "Sal 2"], {}),
        ([ReceiptEntry(5, "sale")], ["Sale", "SALE"], {}),
        ([], ["a"], {}),
        ([], [], {}),
        (entries(5), [""], {0: 5}),
    ],
)
def test_ids_are_matched_by_name_then_by_order(
    found: list[ReceiptEntry], names: list[str], matched: dict[int, int]
) -> None:
    assert match_receipt(found, names) == matched


@dataclass(frozen=True)
class Book:
    """What the gateway did: our names, the id of each message, and the receipts it posts."""

    names: list[str]
    ids: list[int]
    receipts: list[list[ReceiptEntry]]


#: What a gateway may make of a name.
RENAMINGS: list[Callable[[str], str]] = [
    lambda name: name,
    str.strip,
    str.upper,
    lambda name: unicodedata.normalize("NFD", name),
    lambda name: name[:100],
    lambda name: name[:20],
    lambda name: name[:20] + "...",
    lambda name: "?" * len(name),
    lambda name: "",
]
STEM = "Напоминание: оплатите счёт до"
message_names = st.lists(
    st.sampled_from(["Sale", " Sale", "sale", "Bills", "Й", STEM, STEM + " 2", STEM * 4, STEM * 5]),
    min_size=1,
    max_size=6,
)


@st.composite
def books(draw: st.DrawFn) -> Book:
    names = draw(message_names)
    ids = draw(st.lists(st.integers(1, 99), min_size=len(names), max_size=len(names), unique=True))
    rename = draw(st.sampled_from(RENAMINGS))
    parts = draw(st.lists(st.integers(0, 3), min_size=len(names), max_size=len(names)))
    with_names = draw(st.lists(st.booleans(), min_size=4, max_size=4))
    receipts = [
        [
            ReceiptEntry(ids[i], rename(names[i]) if with_names[part] else None)
            for i in range(len(names))
            if parts[i] == part
        ]
        for part in range(4)
    ]
    return Book(names, ids, [receipt for receipt in receipts if receipt])


def learn_all(book: Book, order: list[list[ReceiptEntry]]) -> dict[int, int]:
    """Take receipts one by one; whatever is learnt has those before read again."""
    known: dict[int, int] = {}
    for n in range(1, len(order) + 1):
        while (found := learn_more(book, order[:n], known)) != known:
            known = found
    return known


def learn_more(book: Book, kept: list[list[ReceiptEntry]], known: dict[int, int]) -> dict[int, int]:
    for receipt in kept:
        found = match_receipt(receipt, book.names, known)
        if found != known:
            return found
    return known


@given(books(), st.randoms(use_true_random=False))
def test_any_order_and_split_of_receipts_gives_the_same_ids_and_never_a_wrong_one(
    book: Book, dice: Random
) -> None:
    shuffled = book.receipts * 2
    dice.shuffle(shuffled)
    found = learn_all(book, book.receipts)

    assert found.items() <= dict(enumerate(book.ids)).items()
    assert learn_all(book, shuffled) == found


@given(books(), st.randoms(use_true_random=False))
def test_receipts_that_are_read_at_once_agree(book: Book, dice: Random) -> None:
    alone = [match_receipt(receipt, book.names) for receipt in book.receipts]

    truth = dict(enumerate(book.ids))
    assert all(found.items() <= truth.items() for found in alone)


@given(message_names, st.sampled_from(RENAMINGS))
def test_one_receipt_with_all_ids_teaches_them_all(
    names: list[str], rename: Callable[[str], str]
) -> None:
    receipt = [ReceiptEntry(7 + i, rename(name)) for i, name in enumerate(names)]

    assert match_receipt(receipt, names) == {i: 7 + i for i in range(len(names))}


@pytest.mark.parametrize("content_type", ["application/json; charset=windows-1251", None])
def test_names_in_another_alphabet_still_match(content_type: str | None) -> None:
    body = '[{"name": "Распродажа", "message_id": 7}, {"name": "Счета", "message_id": 8}]'

    entries = read_receipt(body.encode("cp1251"), content_type)

    assert match_receipt(entries, ["Счета", "Распродажа"]) == {0: 8, 1: 7}

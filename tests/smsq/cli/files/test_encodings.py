"""Files in an encoding that nobody named: the text that was meant or an error, never another."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smsq.cli.files.encodings import KNOWN, is_meant_as_utf8
from smsq.cli.files.text_lines import Lines
from smsq.errors import InvalidMessageError
from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]
#: What campaigns say; each makes sense in one encoding only.
SENTENCES = [
    "Ваш заказ 8 готов, ждём вас до 20:00",
    "Уважаемый клиент, оплата за ноябрь не поступила",
    "Иван Петрович, запись к врачу на 12 мая подтверждена",
    "скидка на все товары только до воскресенья",
    "Дарагая Вольга, ваш рахунак гатовы",
    "НАПОМИНАЕМ: ПЛАТЁЖ ПО ДОГОВОРУ ИСТЕКАЕТ",
    "МегаФон «Всё включено» 5 BYN в день",
]
NAMES = ["Анна", "Борис", "Ольга Петровна", "Алёна Ў.", "Сяргей", "Марія"]
FOREIGN = {
    "cp866": [*SENTENCES[:6], *NAMES[:4]],
    "koi8-r": [*SENTENCES[:6], "Анна", "Борис", "Ольга Петровна"],
    "iso-8859-5": [*SENTENCES[:6], "Анна", "Борис"],
    "cp1252": ["Müller", "José", "Café für Gäste"],
    "cp1250": ["Łódź", "Mrożek"],
}
cells = st.sampled_from([*SENTENCES, *NAMES, "plain", "№ 5", "10 €", "«да»"])


def read(content: bytes, encoding: str | None = None) -> list[str]:
    return [line.rstrip("\n") for line in Lines(io.BytesIO(content), "a.csv", encoding)]


def write(rows: Sequence[bytes]) -> bytes:
    return b"phone,text\n" + b"".join(b"1," + row + b"\n" for row in rows)


@given(st.lists(cells, min_size=1, max_size=6), st.sampled_from(["utf-8", "utf-8-sig", "cp1251"]))
def test_what_offices_write_is_read_as_it_was_meant(rows: list[str], encoding: str) -> None:
    text = "phone,text\n" + "".join(f"1,{row}\n" for row in rows)
    content = text.encode(encoding)

    assert "\n".join(read(content)) + "\n" == text


@given(st.lists(cells, min_size=1, max_size=6), st.data())
def test_a_letter_cut_in_half_never_garbles_the_other_rows(
    rows: list[str], data: st.DataObject
) -> None:
    encoded = [row.encode() for row in rows]
    broken = data.draw(st.integers(0, len(rows) - 1))
    cut = data.draw(st.integers(0, len(encoded[broken])))
    encoded[broken] = encoded[broken][:cut]
    try:
        found = read(write(encoded))
    except InvalidMessageError as error:
        assert f"line {broken + 2} is no UTF-8" in str(error)  # noqa: PT017 - or it is read
        assert "--encoding" in str(error)  # noqa: PT017
        return
    for n, row in enumerate(rows):
        assert n == broken or found[n + 1] == f"1,{row}"


@given(st.lists(cells, min_size=1, max_size=6), st.binary(min_size=1, max_size=4), st.data())
def test_stray_bytes_never_garble_the_other_rows(
    rows: list[str], stray: bytes, data: st.DataObject
) -> None:
    assume(not stray.isascii())
    assume(b"\n" not in stray)
    encoded = [row.encode() for row in rows]
    broken = data.draw(st.integers(0, len(rows) - 1))
    at = data.draw(st.integers(0, len(encoded[broken])))
    encoded[broken] = encoded[broken][:at] + stray + encoded[broken][at:]
    try:
        found = read(write(encoded))
    except InvalidMessageError:
        return
    for n, row in enumerate(rows):
        assert n == broken or found[n + 1] == f"1,{row}"


@pytest.mark.parametrize(
    ("encoding", "row"), [(encoding, row) for encoding, rows in FOREIGN.items() for row in rows]
)
def test_another_encoding_stops_the_file_until_it_is_told(encoding: str, row: str) -> None:
    content = write([b"plain", row.encode(encoding, "replace")])

    with pytest.raises(InvalidMessageError, match=r"line 3 .*say with --encoding"):
        read(content)
    if encoding in KNOWN:
        assert read(content, encoding)[2] == f"1,{row.encode(encoding, 'replace').decode(encoding)}"


@pytest.mark.parametrize(
    "row", ["10 €", "№ 5", "«да»", "—", "25 °C", "и т. п.", "“ok” — fine…", "Я"]
)
def test_signs_alone_refute_nothing(row: str) -> None:
    assert read(write([row.encode("cp1251")] * 20))[1:] == [f"1,{row}"] * 20


@given(st.lists(st.sampled_from(NAMES + SENTENCES), min_size=1), st.sampled_from(KNOWN))
def test_a_told_encoding_is_not_questioned(rows: list[str], encoding: str) -> None:
    content = write([row.encode(encoding, "replace") for row in rows])

    assert read(content, encoding) == content.decode(encoding).splitlines()


def test_a_guess_is_refuted_by_every_line_that_follows() -> None:
    cut = "Заказ готов".encode()[:1]
    rows = [cut, *[b"plain"] * 2000, "Ваш заказ готов".encode()]

    with pytest.raises(InvalidMessageError) as caught:
        read(write(rows))
    assert "line 2 is no UTF-8, and line 2003 is: correct line 2" in str(caught.value)


def test_the_lines_are_both_named_where_the_first_is_broken() -> None:
    rows = ["Заказ готов".encode()[:-1], b"plain", "Ваш заказ".encode()]

    with pytest.raises(InvalidMessageError, match="line 2 is no UTF-8, and line 4 is"):
        read(write(rows))
    with pytest.raises(InvalidMessageError, match="most of it is, as if a letter was cut"):
        read(write(rows[:2]))


def test_odd_words_among_many_good_ones_are_no_reason_to_stop() -> None:
    rows = [*SENTENCES, "Mьller", "Cкидка на SMSки", "ГКЛС", "ЪБЛБЪ" * 10, "щэфъ" * 10]  # noqa: RUF001

    assert len(read(write([row.encode("cp1251") for row in rows]))) == len(rows) + 1


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_refuted_file_sends_nothing_and_frees_its_key(
    more: list[str], smsq_json: Json, smsq: Smsq, queue: SmsQueue
) -> None:
    good = "".join(f"37529123456{n},Ваш заказ {n} готов\n" for n in range(1, 9))
    Path("a.csv").write_bytes(b"phone,text\n375291234560,\xd0\n" + good.encode())
    args = ("send-bulk", "a.csv", "--name", "x", "--key", "k")

    told = smsq_json(*args, *more, exit_code=2)
    assert "line 2 is no UTF-8, and line 3 is" in told["error"]["message"]
    assert sum(queue.stats().jobs.values()) == 0
    Path("a.csv").write_text("phone,text\n" + good, encoding="utf-8")
    assert smsq_json(*args)["recipients"] == 8


def test_a_guess_is_told(smsq: Smsq, smsq_json: Json) -> None:
    Path("a.csv").write_text("phone,text\n375291234567,Ваш заказ готов\n", encoding="cp1251")
    args = ("send-bulk", "a.csv", "--name", "x")

    shown = smsq(*args, "--dry-run").stdout
    assert "encoding   cp1251, which is a guess" in shown
    assert "first text Ваш заказ готов" in shown
    told = smsq_json(*args, "--dry-run", "--encoding", "CP1251")
    assert (told["encoding"], told["first_text"]) == ("cp1251", "Ваш заказ готов")
    assert "read as cp1251, which is a guess" in smsq(*args).stderr
    assert "guess" not in smsq(*args, "--encoding", "cp1251").stderr


def test_a_dry_run_shows_the_first_text_as_it_would_be_sent(smsq: Smsq, smsq_json: Json) -> None:
    Path("a.csv").write_text("phone,name\n12,Nobody\n375291234567,Olga\n", encoding="utf-8")
    args = ("send-bulk", "a.csv", "--name", "x", "--dry-run", "--text")

    shown = smsq(*args, "Dear {name},\nhalf\x07 price").stdout
    assert "first text Dear Olga,\n           half· price\n" in shown
    assert smsq_json(*args, "To all", exit_code=5)["first_text"] == "To all"


def test_a_mark_of_utf8_contradicts_what_is_told(smsq_json: Json) -> None:
    Path("a.csv").write_text("phone,text\n375291234567,да\n", encoding="utf-8-sig")
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--encoding", "cp1251", exit_code=2)

    assert "marked as UTF-8: leave --encoding cp1251 out" in told["error"]["message"]


def test_opt_outs_are_read_alike(smsq_json: Json) -> None:
    Path("a.csv").write_bytes("phone,name\n375291234567,Müller\n".encode("cp1252"))

    told = smsq_json("optout", "import", "a.csv", exit_code=2)
    assert "say with --encoding" in told["error"]["message"]
    assert smsq_json("optout", "import", "a.csv", "--encoding", "cp1252")["added"] == 1


@pytest.mark.parametrize(
    "stray", [b"\xe0\x80\x92", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"]
)
def test_bytes_that_only_look_like_utf8_are_no_traceback(stray: bytes) -> None:
    line = "Ваш заказ 8 готов, ждём вас до 20:00".encode()

    assert is_meant_as_utf8(line[:3] + stray + line[4:])

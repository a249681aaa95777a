"""`smsq send-bulk`."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import ROOT, Smsq

Json = Callable[..., Any]


def phones_of(queue: SmsQueue, campaign: str) -> list[str]:
    return sorted(row.phone for row in queue.recipients(campaign))


def write(name: str, text: str, encoding: str = "utf-8") -> str:
    Path(name).write_text(text, encoding=encoding)
    return name


def test_the_examples_can_be_sent_as_they_are(smsq_json: Json) -> None:
    bills = smsq_json(
        "send-bulk", f"{ROOT}/examples/bills.csv", "--name", "Bills", "--text-column", "text"
    )
    assert bills == {
        "id": bills["id"], "jobs": 1, "recipients": 40, "rejected": 0, "duplicates": 0
    }  # fmt: skip

    phones = smsq_json("send-bulk", f"{ROOT}/examples/phones.csv", "--name", "Sale", "--text", "x")
    assert (phones["recipients"], phones["rejected"]) == (12, 0)


def test_a_campaign_is_split_at_the_limit(smsq_json: Json) -> None:
    rows = "".join(f"37529{1234000 + i}\n" for i in range(25))
    args = ("send-bulk", write("a.csv", f"phone\n{rows}"), "--name", "x", "--text", "hi")

    assert smsq_json(*args, SMSQ_BULK_MAX_RECIPIENTS="10")["jobs"] == 3


def test_bad_rows_go_to_a_file_and_good_ones_out(
    smsq: Smsq, smsq_json: Json, queue: SmsQueue
) -> None:
    write("a.csv", 'phone,text\n375291234567,"two\nlines"\n12,hi\n375291234568,\n375291234569,ok\n')

    told = smsq_json("send-bulk", "a.csv", "--name", "x", exit_code=5)

    assert (told["recipients"], told["rejected"]) == (2, 2)
    assert phones_of(queue, told["id"]) == ["375291234567", "375291234569"]
    with Path("a.rejects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["phone"], row["text"]) for row in rows] == [
        ("4", "phone", "12", "hi"),
        ("5", "text", "375291234568", ""),
    ]
    assert "write it like" in rows[0]["reason"]


def test_rejects_can_be_mended_and_sent_again(smsq_json: Json, queue: SmsQueue) -> None:
    write("a.csv", "name;phone;text\nAnna;12;hi\nIvan;375291234567;ho\n")
    smsq_json("send-bulk", "a.csv", "--name", "x", exit_code=5)
    mended = Path("a.rejects.csv").read_text().replace("12;hi", "34;hi")
    Path("a.rejects.csv").write_text(mended)

    smsq_json("send-bulk", "a.rejects.csv", "--name", "x", exit_code=2)
    again = Path("a.rejects.rejects.csv").read_text()
    assert again.splitlines()[0] == "line;column;reason;name;phone;text"
    Path("a.rejects.csv").write_text(mended.replace("34;hi", "375291234568;hi"))
    told = smsq_json("send-bulk", "a.rejects.csv", "--name", "x")

    assert phones_of(queue, told["id"]) == ["375291234568"]


def test_rejects_are_for_their_owner_alone(smsq_json: Json) -> None:
    write("a.csv", "phone,text\n12,hi\n375291234567,ho\n")
    Path("mine.csv").write_text("old")
    os.chmod("mine.csv", 0o644)

    smsq_json("send-bulk", "a.csv", "--name", "x", "--rejects", "mine.csv", exit_code=5)

    assert stat.S_IMODE(os.stat("mine.csv").st_mode) == 0o600
    assert "old" not in Path("mine.csv").read_text()
    assert not Path("a.rejects.csv").exists()


def test_without_bad_rows_there_is_no_rejects_file(smsq_json: Json) -> None:
    smsq_json("send-bulk", write("a.csv", "phone,text\n375291234567,hi\n"), "--name", "x")

    assert os.listdir() == ["a.csv"]


def test_rejects_that_cannot_be_written_send_nothing(smsq_json: Json, queue: SmsQueue) -> None:
    write("a.csv", "phone,text\n375291234567,hi\n12,ho\n")

    args = ("send-bulk", "a.csv", "--name", "x", "--rejects", "no/such/folder.csv")
    told = smsq_json(*args, exit_code=2)

    assert "--rejects" in told["error"]["message"]
    assert sum(queue.stats().jobs.values()) == 0


def test_the_input_itself_is_never_taken_for_the_rejects(smsq_json: Json) -> None:
    write("a.csv", "phone,text\n375291234567,hi\n12,ho\n")

    smsq_json("send-bulk", "a.csv", "--name", "x", "--rejects", "./a.csv", exit_code=2)

    assert Path("a.csv").read_text().startswith("phone,text")


def test_when_no_row_is_good_nothing_is_stored(
    smsq_json: Json, queue: SmsQueue, scripts: Any, namespace: str
) -> None:
    write("a.csv", "phone,text\n12,hi\n13,ho\n")

    told = smsq_json("send-bulk", "a.csv", "--name", "x", exit_code=2)

    assert "line 2: phone" in told["error"]["message"]
    assert Path("a.rejects.csv").exists()
    assert not list(scripts.redis.scan_iter(f"{namespace}:job:*"))


def test_a_phone_that_stands_twice_gets_the_first_of_its_texts(
    smsq_json: Json, queue: SmsQueue
) -> None:
    write("a.csv", "phone,text\n375291234567,one\n80 29 123-45-67,two\n+375291234567,three\n")

    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--key", "k")

    assert (told["recipients"], told["duplicates"], told["rejected"]) == (1, 2, 0)
    write("b.csv", "phone,text\n375291234567,one\n")
    assert smsq_json("send-bulk", "b.csv", "--name", "x", "--key", "k")["id"] == told["id"]


def test_a_key_with_other_rows_is_exit_code_2(smsq_json: Json) -> None:
    write("a.csv", "phone\n375291234567\n")
    smsq_json("send-bulk", "a.csv", "--name", "x", "--text", "a", "--key", "k")
    told = smsq_json("send-bulk", "a.csv", "--name", "x", "--text", "b", "--key", "k", exit_code=2)

    assert told["error"]["type"] == "KeyConflictError"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_file_from_any_office_can_be_read(
    encoding: str, delimiter: str, smsq_json: Json, queue: SmsQueue
) -> None:
    text = "Ваш рахунак, калі ласка; дзякуй"
    rows = [" Phone ", "Паведамленне"], ["375291234567", text], ["", ""]
    with Path("a.csv").open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)

    args = ("--name", "x", "--text-column", "ПАВЕДАМЛЕННЕ", "--key", "k")
    told = smsq_json("send-bulk", "a.csv", *args)

    assert (told["recipients"], told["rejected"]) == (1, 0)
    # The same content in UTF-8 is the same campaign: nothing was garbled.
    write("b.csv", f'phone,паведамленне\n375291234567,"{text}"\n')
    assert smsq_json("send-bulk", "b.csv", *args)["id"] == told["id"]


def test_stdin_is_a_file_too(smsq_json: Json) -> None:
    stdin = "phone,text\n375291234567,hi\n12,ho\n"
    told = smsq_json("send-bulk", "-", "--name", "x", stdin=stdin, exit_code=5)

    assert told["rejected"] == 1
    assert Path("rejects.csv").exists()


def test_an_unquoted_comma_does_not_cut_a_text_short(smsq_json: Json) -> None:
    write("a.csv", "phone,text\n375291234567,Hello, Anna\n375291234568,Hello,,\n")

    told = smsq_json("send-bulk", "a.csv", "--name", "x", exit_code=5)

    assert (told["recipients"], told["rejected"]) == (1, 1)
    assert "quotation marks" in Path("a.rejects.csv").read_text()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"phone,text\n", "no rows"),
        (b"375291234567\n375291234568\n", "has no header"),
        (b"number,words\n1,2\n", "has no column phone: write one of its columns with --phone-column: number, words"),  # noqa: E501
        (b"phone,text,Phone\n1,2,3\n", "occurs twice"),
        (b'phone,text\n375291234567,"open\n', "line 2: a quotation mark is opened here"),
        (b'phone,text\n375291234567,"a"b\n', "line 2: a quotation mark within"),
        (b"phone\r375291234567\r", "ordinary line ends"),
        (b"phone,text\n375291234567,\x98\n", "line 2 is no text"),
        ("phone,text\n375291234567,код\n".encode() + b"375291234568,\xea\xee\xe4\n", "no UTF-8 as the lines before it"),  # noqa: E501
        (b"\xff\xfep\x00h\x00", "is UTF-16"),
        (b"PK\x03\x04rest", "cannot be read as a workbook"),
        (b"x" * 1_100_000, "longer than 1 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_why_with_exit_code_2(
    content: bytes, says: str, smsq_json: Json, queue: SmsQueue
) -> None:
    Path("a.csv").write_bytes(content)

    told = smsq_json("send-bulk", "a.csv", "--name", "x", exit_code=2)

    assert told["error"]["type"] == "InvalidMessageError"
    assert says in told["error"]["message"]
    assert "375291234567" not in told["error"]["message"]
    assert sum(queue.stats().jobs.values()) == 0


@pytest.mark.parametrize("name", ["none.csv", "."])
def test_a_file_that_is_none_is_exit_code_2(name: str, smsq: Smsq) -> None:
    result = smsq("send-bulk", name, "--name", "x")

    assert result.exit_code == 2
    assert "cannot be read" in result.stderr


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--name", ""),
        ("--name", "x", "--text", "a", "--text-column", "b"),
        ("--name", "x", "--text", ""),
        ("--name", "x", "--schedule", "2020-01-01T10:00"),
        ("--name", "x", "--on-unknown", "pray"),
        ("--name", "\udcff"),
    ],
)
def test_bad_options_are_exit_code_2(args: tuple[str, ...], smsq: Smsq) -> None:
    write("a.csv", "phone,text\n375291234567,hi\n")

    assert smsq("send-bulk", "a.csv", *args).exit_code == 2


def test_a_person_is_told_what_was_left_out(smsq: Smsq) -> None:
    write("a.csv", "phone,text\n375291234567,hi\n375291234567,ho\n12,x\n")

    result = smsq("send-bulk", "a.csv", "--name", "x")

    assert "1 recipient in 1 job" in result.stdout
    assert "1 row left out" in result.stderr
    assert "line 4: phone" in result.stderr
    assert "correct a.rejects.csv" in result.stderr

"""`smsq find` and `smsq jobs`: what support asks."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import smsq as library
from smsq.queue import SmsQueue
from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]


def test_a_name_or_a_phone_leads_to_what_was_sent(smsq_json: Json, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "code", reference="order-77", tags=["otp"])

    [one] = smsq_json("find", "order-77")["found"]
    assert one["id"] == job
    assert (one["reference"], one["tags"], one["phone"]) == ("order-77", ["otp"], "+375*******67")
    assert smsq_json("find", "80 29 123 45 67")["found"] == [one]


def test_a_reference_that_reads_as_a_phone_is_found_too(smsq_json: Json, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234568", "code", reference="375291234567")

    assert [one["id"] for one in smsq_json("find", "375291234567")["found"]] == [job]


def test_a_person_sees_no_phone_in_full(smsq: Smsq, queue: SmsQueue) -> None:
    queue.send_quick("375291234567", "code", reference="order-77", tags=["otp"])

    told = smsq("find", "375291234567").stdout
    assert "order-77 [otp]" in told
    assert "375291234567" not in told


def test_what_is_not_there_is_not_found(smsq: Smsq) -> None:
    assert smsq("find", "order-77").exit_code == 4
    assert smsq("jobs").stdout == "no jobs\n"


def test_without_an_index_of_phones_a_phone_is_refused(smsq: Smsq) -> None:
    ran = smsq("find", "375291234567", SMSQ_FIND_BY_PHONE="0")

    assert ran.exit_code == 2
    assert "SMSQ_FIND_BY_PHONE" in ran.stderr


def test_rejected_jobs_have_a_list(smsq_json: Json, queue: SmsQueue) -> None:
    job = queue.send_quick("375291234567", "code")
    queue.send_quick("375291234568", "code")
    queue.cancel(job)

    [one] = smsq_json("jobs", "--state", "cancelled", "--since", "2020-01-01")["jobs"]
    assert (one["id"], one["error"]) == (job, "cancelled before it was sent")
    assert len(smsq_json("jobs", "--limit", "1")["jobs"]) == 1


def test_a_send_is_named_on_the_command_line(smsq_json: Json, queue: SmsQueue) -> None:
    names = ("--reference", "order-77", "--tag", "otp", "--tag", "vip")
    job = smsq_json("send-quick", "375291234567", "code", *names)["id"]

    assert queue.status(job).reference == "order-77"
    assert queue.status(job).tags == ("otp", "vip")


def test_rows_of_a_file_have_references_of_their_own(
    smsq_json: Json, queue: SmsQueue, tmp_path: Path
) -> None:
    rows = f"phone,order\n375291234567,77\n375291234568,\n375291234569,{'x' * 65}\n"
    (tmp_path / "a.csv").write_text(rows)
    send = ("send-bulk", "a.csv", "--name", "S", "--text", "t", "--reference", "sale", "--tag", "a")

    told = smsq_json(*send, "--reference-column", "order", exit_code=5)

    found = {row.phone: row.reference for row in queue.recipients(told["id"])}
    assert found == {"375291234567": "77", "375291234568": "sale"}
    assert queue.status(told["id"]).tags == ("a",)
    assert "reference: write 1 to 64" in (tmp_path / "a.rejects.csv").read_text()


def test_the_export_has_the_names(smsq: Smsq, queue: SmsQueue) -> None:
    queue.send_quick("375291234567", "a", reference="order-77", tags=["otp", "vip"])
    queue.send_personal("375291234568", "b", reference="bill-1")
    queue.send_bulk(
        [library.BulkMessage(name="S", text="t", phones=["375291234567", ("375291234568", "x")])],
        reference="sale",
    )

    messages = csv.DictReader(io.StringIO(smsq("export", "--since", "2020-01-01").stdout))
    assert {(row["reference"], row["tags"]) for row in messages} >= {("order-77", "otp;vip")}
    lines = smsq("export", "--since", "2020-01-01", "--recipients", "--format", "jsonl").stdout
    found = sorted(json.loads(line)["reference"] for line in lines.splitlines())
    assert found == ["bill-1", "order-77", "sale", "x"]

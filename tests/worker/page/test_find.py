"""Find: by id, reference and phone; a job's page tells what happened, with masked phones."""

from __future__ import annotations

import logging
import re

import pytest

from smsq.audit.audit import Audit
from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from smsq.status.recipients import PAGE_ROWS
from smsq.store.scripts import Scripts
from tests.worker.page.browsing import OPERATOR, Visitor, text_of

PHONE = "375291234567"
SPELT = "+375 29 123-45-67"


@pytest.fixture
def job(queue: SmsQueue) -> str:
    return str(queue.send_quick(PHONE, "Your code is 4821", reference="order-77", tags=["otp"]))


def search(visitor: Visitor, what: str) -> str:
    answer = visitor.post("/find", what=what)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_an_id_leads_to_its_page(reader: Visitor, job: str) -> None:
    assert reader.post("/find", what=f" {job} ").headers["location"] == f"/find/{job}"


@pytest.mark.parametrize("what", ["order-77", SPELT, PHONE])
def test_a_reference_and_a_phone_in_any_spelling_lead_to_a_list(
    reader: Visitor, job: str, what: str
) -> None:
    told = search(reader, what)

    assert job in told
    assert "+375*******67 pending" in told
    assert "order-77 otp" in told


def test_what_is_not_there_is_said(reader: Visitor, job: str) -> None:
    for what in ("nothing", "j000000000000", "375290000000", "x" * 500, "<b>"):
        assert "Nothing that is kept has this id, reference or phone." in search(reader, what)


def test_a_phone_never_stands_in_an_address(reader: Visitor) -> None:
    page = reader.get("/find").text

    assert re.search(r'<form method="post" action="/find"', page)
    assert 'method="get"' not in page


def test_a_jobs_page_tells_what_happened_and_masks_phones(reader: Visitor, job: str) -> None:
    answer = reader.get(f"/find/{job}")
    told = text_of(answer.text)

    for words in (job, "quick message", "queued", "normal", "order-77", "+375*******67 pending"):
        assert words in told
    assert PHONE not in answer.text
    assert "4821" not in answer.text
    assert "Show phones in full" not in told


def test_a_gathered_send_has_its_page_with_its_own_recipient_alone(
    reader: Visitor, queue: SmsQueue
) -> None:
    first = queue.send_quick(PHONE, "hello", gather=True)
    queue.send_quick("375291234568", "hello", gather=True)

    told = text_of(reader.get(f"/find/{first}").text)

    assert "+375*******67 pending" in told
    assert "+375*******68" not in told


def test_an_operator_sees_full_phones_when_asked_for_and_a_reader_never(
    reader: Visitor,
    operator: Visitor,
    job: str,
    caplog: pytest.LogCaptureFixture,
    scripts: Scripts,
) -> None:
    path = f"/find/{job}/phones"
    caplog.set_level(logging.INFO)

    assert PHONE not in operator.get(f"/find/{job}").text
    assert operator.get(path).status_code == 404
    assert PHONE in operator.post(path).text
    assert f"full phones shown by={OPERATOR[0]} of={job}" in caplog.text
    assert PHONE not in caplog.text
    [entry] = Audit(scripts).read()
    assert (entry.by, entry.act, entry.target) == (OPERATOR[0], "recipients", job)
    refused = reader.post(path)
    assert refused.status_code == 403
    assert PHONE not in refused.text


def test_recipients_of_a_large_campaign_stand_on_pages_each_once(
    operator: Visitor, queue: SmsQueue
) -> None:
    phones = [f"37529{1_000_000 + n}" for n in range(250)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=phones)])
    seen: list[str] = []
    page = operator.post(f"/find/{campaign}/phones").text
    while True:
        rows = re.findall(r'<th scope="row" class="nowrap"[^>]*>(\d+)</th>', page)
        assert 0 < len(rows) < PAGE_ROWS + 64
        seen += rows
        start = re.search(r'name="from" value="([\d-]+)"', page)
        if not start:
            break
        page = operator.post_fields(f"/find/{campaign}/phones", {"from": start[1]}).text

    assert sorted(seen) == phones


def test_pages_of_masked_recipients_are_linked(reader: Visitor, queue: SmsQueue) -> None:
    phones = [f"37529{1_000_000 + n}" for n in range(150)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=phones)])
    page = reader.get(f"/find/{campaign}").text
    [after] = re.findall(r'href="(/find/[^"]*\?from=[\d-]+)"', page)

    assert "First page" in reader.get(after).text


@pytest.mark.parametrize("place", ["x", "1-2", "0-1-0-0", "-1-1-0", "9" * 40 + "-1-0", "é-1-0"])
def test_a_place_that_is_none_is_refused(reader: Visitor, job: str, place: str) -> None:
    answer = reader.client.get(f"/find/{job}", params={"from": place})

    assert answer.status_code == 400
    assert "write job-message-bucket" in answer.text


@pytest.mark.parametrize("some_id", ["jnope", "cnope", "375291234567", "j1.2.x", "x" * 300])
def test_an_id_of_nothing_is_said_without_repeating_a_phone(reader: Visitor, some_id: str) -> None:
    answer = reader.get(f"/find/{some_id}")

    assert answer.status_code == 404
    assert "375291234567" not in text_of(answer.text)


def test_names_are_escaped(reader: Visitor, queue: SmsQueue) -> None:
    script = "<script>alert(1)</script>"
    job = queue.send_quick(PHONE, "hi", reference=script, tags=["<i>"])

    page = reader.get(f"/find/{job}").text

    assert script not in page
    assert "&lt;script&gt;" in page
    assert "<i>" not in page


def test_the_page_is_in_the_language_that_was_switched_to(operator: Visitor, job: str) -> None:
    assert operator.get("/language/ru?back=/find").headers["location"] == "/find"

    assert "одиночное сообщение" in operator.get(f"/find/{job}").text
    assert operator.get("/language/en?back=//evil.example").headers["location"] == "/"
    assert OPERATOR[0] in operator.get(f"/find/{job}").text

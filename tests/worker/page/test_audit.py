"""Audit trail: operators, and they alone, read who did what, and whether the trail is whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.worker.page.browsing import OPERATOR, Visitor, text_of
from worker.page.language import WORDS
from worker.page.serving import admin_at_work
from worker.page.views import audit as view


@pytest.fixture
def audit(scripts: Scripts) -> Audit:
    return Audit(scripts)


@pytest.fixture
def look(settings: Settings, environ: dict[str, str]) -> Iterator[Visitor]:
    """An operator who comes later than what a test has done: what is shared is read anew."""
    with (
        admin_at_work(settings, environ) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield Visitor(client).log_in(*OPERATOR)


def read(visitor: Visitor, path: str = "/audit") -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_who_did_what_stands_there_the_newest_first(
    look: Visitor, audit: Audit, queue: SmsQueue
) -> None:
    job = str(queue.send_quick("375291234567", "Your code is 4821"))
    audit.record("anna@desk", Act.RECIPIENTS, job)
    audit.record("boris", Act.EXPORT, detail="for +375 29 123-45-67")
    queue.cancel(job, by="shop <b>user</b> 7")
    page = look.get("/audit").text
    told = text_of(page)

    rows = (
        f"shop <b>user</b> 7 cancelled {job}",
        "boris exported",
        "anna@desk read phones in full",
    )
    assert re.search(".*".join(map(re.escape, rows)), told)
    assert f'href="/find/{job}"' in page
    assert "for +375*******67" in told
    for hidden in ("1234567", "4821", "<b>user"):
        assert hidden not in page


def test_a_reader_neither_sees_it_nor_finds_it_in_the_menu(
    reader: Visitor, look: Visitor, audit: Audit
) -> None:
    audit.record("anna@desk", Act.FIND)
    refused = reader.get("/audit")

    assert refused.status_code == 403
    assert "Only an operator may do that." in text_of(refused.text)
    assert "anna@desk" not in refused.text
    assert 'href="/audit"' not in reader.get("/").text
    assert 'href="/audit"' in look.get("/").text


def test_every_entry_is_on_one_page(
    look: Visitor, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "ROWS", 3)
    for n in range(10):
        audit.record(f"person-{n}", Act.FIND)
    seen, path = [], "/audit"
    while path:
        page = look.get(path).text
        seen.append(re.findall(r">(person-\d)<", page))
        older = re.search(r'href="(/audit\?before=[\d-]+)"', page)
        assert ("Newest" in page) is (path != "/audit")
        path = older[1] if older else ""

    assert seen == [
        [f"person-{n}" for n in some] for some in ((9, 8, 7), (6, 5, 4), (3, 2, 1), (0,))
    ]


def test_links_show_one_person_and_one_kind_of_act(look: Visitor, audit: Audit) -> None:
    for by, act in (("anna@desk", Act.PAUSE), ("anna", Act.FIND), ("boris", Act.PAUSE)):
        audit.record(by, act)
    for path, shown in (
        ("/audit?by=anna", ["anna", "anna@desk"]),
        ("/audit?act=pause", ["boris", "anna@desk"]),
        ("/audit?by=anna%40desk&act=pause", ["anna@desk"]),
        ("/audit?by=nobody", []),
    ):
        page = look.get(path).text
        assert re.findall(r'data-label="Who"><a [^>]+>([^<]+)</a>', page) == shown
    assert 'href="/audit?by=anna%40desk&amp;act=pause"' in look.get("/audit?act=pause").text
    assert "Nothing is written down." in read(look, "/audit?by=nobody")


def test_who_is_rare_is_looked_for_in_many_pages(
    look: Visitor, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smsq.audit.audit._MOST_LOOKED_AT", 4)
    audit.record("rare", Act.FIND)
    for _ in range(6):
        audit.record("often", Act.FIND)
    page = look.get("/audit?by=rare").text
    assert "Nothing of it is among the entries looked at" in text_of(page)

    older = re.search(r'href="(/audit\?by=rare&amp;before=[\d-]+)"', page)
    assert older
    assert ">rare<" in look.get(older[1].replace("&amp;", "&")).text


@pytest.mark.parametrize("before", ["x", "1", "-1-1", "1-2-3", "9" * 21 + "-1", "²-1"])
def test_a_place_that_is_none_is_refused(look: Visitor, before: str) -> None:
    answer = look.client.get("/audit", params={"before": before})
    assert answer.status_code == 400
    assert "write an entry's id" in text_of(answer.text)


def test_it_says_that_the_trail_is_whole_and_names_its_head(look: Visitor, audit: Audit) -> None:
    audit.record("anna", Act.FIND)
    told = read(look)

    assert "1 entry, all there and as they were written." in told
    assert audit.verify().head in told


def test_it_says_what_is_wrong_where_somebody_tampered(
    look: Visitor, audit: Audit, scripts: Scripts
) -> None:
    for name in ("anna", "boris", "clara"):
        audit.record(name, Act.FIND)
    _, middle, _ = audit.read()
    scripts.redis.xdel(scripts.keys.audit, middle.id)
    told = read(look)

    assert re.search(r"not whole entry \S+ does not follow \S+: one is gone", told)
    assert "as they were written" not in told


def test_a_chain_that_cannot_be_looked_at_hides_no_entries(
    look: Visitor, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.record("anna", Act.FIND)
    monkeypatch.setattr("smsq.audit.audit.check_chain", lambda *_, **__: 1 / 0)
    told = read(look)

    assert "It could not be looked through" in told
    assert "anna" in told


def test_an_act_of_a_newer_version_is_shown_as_it_is(look: Visitor, scripts: Scripts) -> None:
    scripts.run("record_act", "anna", "shrug", "x", "")
    assert "anna shrug x" in read(look)


def test_every_act_has_its_word() -> None:
    assert {f"act.{act}" for act in Act} == {key for key in WORDS if key.startswith("act.")}

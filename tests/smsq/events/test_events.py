"""News: what a script call changed stands in the stream, packed, masked, and in order."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.events.events import Event, JobEvent, RecipientEvent, read_entry
from smsq.events.wire import dump_event
from smsq.models import FINAL_JOB_STATES, JobState, Kind, MessageRequest, RecipientState, ReportRow
from smsq.records.jobs import Idempotency
from smsq.settings import Settings
from smsq.store.scripts import Scripts, _read
from smsq.text.phones import mask_phone
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS, UNKNOWN, World

per_function = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def entries_of(world: World) -> list[tuple[str, dict[str, str]]]:
    return list(cast(Any, world.redis.xrange(world.keys.events)))


def events_of(world: World) -> list[Event]:
    return [event for entry in entries_of(world) for event in read_entry(*entry)]


def moves_of(world: World) -> list[tuple[str | None, str]]:
    return [(e.old_state, e.new_state) for e in events_of(world) if isinstance(e, JobEvent)]


def recipients_of(world: World) -> list[RecipientEvent]:
    return [event for event in events_of(world) if isinstance(event, RecipientEvent)]


def accept(world: World, *, phones: int = 1, kind: Kind = Kind.BULK) -> str:
    job = world.enqueue(kind=kind, phones=phones)
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    return job


def report(world: World, word: str, *, phones: int, last: bool = True) -> None:
    rows = [ReportRow(f"37529{1234567 + i}", word, None) for i in range(phones)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=1 if last else None)


def test_a_quick_jobs_life_is_told_in_order(world: World) -> None:
    job = accept(world, kind=Kind.QUICK)
    report(world, "Delivered", phones=1)

    assert moves_of(world) == [
        (None, JobState.QUEUED),
        (JobState.QUEUED, JobState.SUBMITTING),
        (JobState.SUBMITTING, JobState.ACCEPTED),
        (JobState.ACCEPTED, JobState.DONE),
    ]
    [delivered] = recipients_of(world)
    assert (delivered.job_id, delivered.message_number, delivered.message_id) == (job, 1, 77)
    assert (delivered.old_state, delivered.new_state) == ("pending", "delivered")
    assert (delivered.phone, delivered.gateway_status) == ("+375*******67", "Delivered")
    assert delivered.at.timestamp() * 1000 == world.now_ms
    # The recipient's news comes before the job's, for it is why the job is done.
    assert [type(event) for event in events_of(world)][-2:] == [RecipientEvent, JobEvent]


def test_a_job_that_is_refused_says_why(world: World) -> None:
    refused, other = world.enqueue(), world.enqueue()
    world.claims.settle(
        world.claim(refused), Verdict(state=JobState.REJECTED, error="no such name"), PLAN
    )
    world.ledger.cancel(other)

    errors = {
        (event.job_id, event.new_state): event.error
        for event in events_of(world)
        if isinstance(event, JobEvent) and event.new_state in FINAL_JOB_STATES
    }
    assert errors == {
        (refused, JobState.REJECTED): "no such name",
        (other, JobState.CANCELLED): world.views.status(other).error or None,
    }
    assert world.views.status(refused).error == "no such name"


def test_the_errors_of_one_entry_are_each_its_own_jobs() -> None:
    items = [["job", f"j{i}", "", "submitting", "rejected"] for i in range(3)]
    fields = {"at_ms": "1", "news": json.dumps(items), "errors": '{"0": "a", "2": "c"}'}

    found = [event.error for event in read_entry("1-0", fields) if isinstance(event, JobEvent)]
    assert found == ["a", None, "c"]


def test_a_page_of_a_thousand_recipients_is_a_few_small_entries(world: World) -> None:
    accept(world, phones=1000)
    before = len(entries_of(world))
    report(world, "sent", phones=1000)

    entries = entries_of(world)[before:]
    assert len(entries) <= 3
    assert len(json.dumps(entries)) < 4500
    assert len(recipients_of(world)) == 1000
    assert len({event.id for event in recipients_of(world)}) == 1000


def test_an_entry_holds_at_most_a_thousand_changes(world: World) -> None:
    accept(world, phones=2500)
    before = len(entries_of(world))
    world.pass_s(PLAN.horizon_ms / 1000)
    while len(recipients_of(world)) < 2500:
        world.recover()

    changes = [int(fields["changes"]) for _, fields in entries_of(world)[before:]]
    assert (max(changes), sum(changes)) <= (1000, 2501)
    given_up = recipients_of(world)
    assert len(given_up) == 2500
    assert {(e.old_state, e.new_state) for e in given_up} == {("pending", "no_report")}
    assert moves_of(world)[-1] == (JobState.ACCEPTED, JobState.DONE)


def test_who_is_given_up_keeps_the_gateways_word(world: World) -> None:
    accept(world, phones=2)
    report(world, "sent", phones=1)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    last = {(e.old_state, e.gateway_status) for e in recipients_of(world) if e.new_state != "sent"}
    assert last == {("sent", "sent"), ("pending", None)}


def test_a_phone_in_a_word_of_the_gateways_is_not_told(world: World) -> None:
    accept(world, phones=1)
    report(world, "no route 44 to 375291234567", phones=1)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    assert [e.gateway_status for e in recipients_of(world)] == ["no route ** to ************"]


def test_a_state_that_did_not_change_is_no_news(world: World) -> None:
    accept(world, phones=2)
    report(world, "sent", phones=2)
    known = len(events_of(world))
    world.pass_s(1)
    report(world, "sent", phones=2)

    assert len(events_of(world)) == known


def test_a_campaigns_jobs_go_live_in_one_entry_and_name_their_campaign(world: World) -> None:
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=2)
    draft.start_message(MessageRequest(name="Sale", alphaname_id="1", text="hi", recipients={}))
    for i in range(20):
        draft.add(f"37529{1234567 + i}", None)
    assert entries_of(world) == []  # staged: nobody sees it
    draft.commit(Idempotency())

    begun, launched = entries_of(world)
    assert [event.what for event in read_entry(*begun)] == ["begun"]  # type: ignore[union-attr]
    events = [event for event in read_entry(*launched) if isinstance(event, JobEvent)]
    assert [event.job_id for event in events] == list(draft.job_ids)
    assert {event.campaign_id for event in events} == {draft.id}


def test_what_recover_and_receipts_and_operators_move_is_news_too(world: World) -> None:
    job = world.enqueue(kind=Kind.BULK)
    world.claims.settle(world.claim(job), UNKNOWN, PLAN)
    world.polls.apply_receipt(job, b"{}", {1: 501}, unmatched=0, plan=PLAN)
    cancelled = world.enqueue(due_at_ms=str(world.now_ms + 60_000))
    world.ledger.cancel(cancelled)

    assert moves_of(world)[2:] == [
        (JobState.SUBMITTING, JobState.UNKNOWN),
        (JobState.UNKNOWN, JobState.ACCEPTED),
        (None, JobState.WAITING),
        (JobState.WAITING, JobState.CANCELLED),
    ]


def test_final_states_in_the_stream_are_the_ledgers_counts(world: World) -> None:
    accept(world, phones=300)
    report(world, "sent", phones=250)
    world.pass_s(1)
    report(world, "delivered", phones=200)
    world.pass_s(PLAN.horizon_ms / 1000)
    world.recover()

    final = Counter(e.new_state for e in recipients_of(world))
    counts = world.views.stats(10).recipients
    for state in (RecipientState.DELIVERED, RecipientState.NO_REPORT, RecipientState.UNDELIVERED):
        assert final[state] == counts[state]
    assert counts[RecipientState.NO_REPORT] == 100


def test_the_stream_holds_neither_text_nor_phone(world: World) -> None:
    accept(world, phones=30)
    report(world, "delivered", phones=30)

    packed = json.dumps(entries_of(world))
    assert "code" not in packed
    for i in range(30):
        assert f"{1234567 + i}" not in packed
    assert "+375*******67" in packed


def test_old_news_leaves_and_the_stream_goes_with_the_newest(
    world: World, settings: Settings
) -> None:
    world.now_us = int(world.redis.time()[0]) * 1_000_000
    world.enqueue_many(300)
    assert 0 < world.redis.pttl(world.keys.events) <= settings.events_keep_s * 1000
    world.pass_s(settings.events_keep_s + 60)
    world.enqueue()

    # Redis trims whole nodes of a hundred entries.
    assert len(entries_of(world)) <= 100


def test_where_no_news_is_kept_there_is_no_stream(environ: dict[str, str]) -> None:
    world = World(Settings.from_env(environ | {"SMSQ_EVENTS_KEEP_S": "0"}))
    accept(world, phones=3)
    report(world, "delivered", phones=3)

    assert world.redis.exists(world.keys.events) == 0
    world.redis.close()


@per_function
@given(st.lists(st.from_regex(r"[0-9]{1,15}", fullmatch=True), min_size=1, max_size=20))
def test_the_scripts_mask_a_phone_as_python_does(world: World, phones: list[str]) -> None:
    script = (
        _read("news")
        + "local masked = {}\nfor i = 1, #ARGV - 1 do masked[i] = mask_phone(ARGV[i]) end\n"
        + "return masked"
    )
    assert world.redis.eval(script, 0, *phones, 0) == [mask_phone(phone) for phone in phones]


@per_function
@given(st.text(max_size=60) | st.sampled_from(['"', "\\", "|", "\u2028", "я" * 50, "\x00"]))
def test_any_word_of_the_gateways_is_read_back(world: World, word: str) -> None:
    world.redis.delete(world.keys.events)
    accept(world, phones=1)
    report(world, "sent", phones=1)
    world.pass_s(1)
    rows = [ReportRow("375291234567", "delivered", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=1)
    packed = entries_of(world)[-1][1]["news"].replace('"delivered",{', f"{json.dumps(word)},{{", 1)

    event = read_entry("1-0", {"at_ms": "1", "news": packed})[0]
    assert isinstance(event, RecipientEvent)
    assert event.gateway_status == (word or None)


counts = st.dictionaries(
    st.from_regex(r"\+[0-9]{3}\*{3,10}[0-9]{2}", fullmatch=True), st.integers(1, 20), max_size=8
)
groups = st.tuples(
    st.sampled_from(RecipientState), st.sampled_from(RecipientState), st.text(), counts
)


@hypothesis_settings(max_examples=30, deadline=None)
@given(st.lists(groups, max_size=5), st.integers(0, 2**41))
@pytest.mark.long
def test_every_counted_phone_becomes_an_event_of_its_own(
    packed: list[tuple[RecipientState, RecipientState, str, dict[str, int]]], at_ms: int
) -> None:
    items = [["job", "j1", "", "", "queued"], ["recipients", "j1", "c1", 2, "", packed]]
    job, *recipients = read_entry("5-1", {"at_ms": str(at_ms), "news": json.dumps(items)})

    assert isinstance(job, JobEvent)
    assert round(job.at.timestamp() * 1000) == at_ms
    seen = Counter(
        (e.old_state, e.new_state, e.gateway_status or "", e.phone)
        for e in recipients
        if isinstance(e, RecipientEvent)
    )
    expected: Counter[tuple[str, str, str, str]] = Counter()
    for old, new, word, phones in packed:
        expected.update({(old, new, word, phone): n for phone, n in phones.items()})
    assert seen == expected
    assert [event.id for event in (job, *recipients)] == [
        f"5-1:{i}" for i in range(len(recipients) + 1)
    ]
    json.dumps([dump_event(event) for event in (job, *recipients)])


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"at_ms": "1"},
        {"at_ms": "x", "news": "[]"},
        {"at_ms": "9" * 30, "news": "[]"},
        {"at_ms": "1", "news": "{"},
        {"at_ms": "1", "news": "[1]"},
        {"at_ms": "1", "news": '[["job","j1"]]'},
        {"at_ms": "1", "news": '[["moon","j1"]]'},
        {"at_ms": "1", "news": '[["job","j1","","","melted"]]'},
        {"at_ms": "1", "news": '[["recipients","j1","",1,"77",[["sent","sent","",[]]]]]'},
    ],
)
def test_an_entry_that_is_none_of_ours_says_so(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"1-0|invalid|not a valid|Expecting"):
        read_entry("1-0", fields)


def test_the_scripts_of_a_queue_keep_what_its_settings_say(environ: dict[str, str]) -> None:
    settings = Settings.from_env(environ | {"SMSQ_EVENTS_KEEP_S": "60"})
    world = World(settings)
    scripts = Scripts.of(world.redis, settings)

    assert (scripts._events_keep_ms, scripts._retention_ms) == (60_000, settings.retention_s * 1000)
    assert scripts._retention_ms != RETENTION_MS
    world.redis.close()

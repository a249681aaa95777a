"""What callers named comes with the news of it, and older readers are none the wiser."""

from __future__ import annotations

import json
from typing import Any

import smsq
from smsq.campaigns.draft import CampaignDraft
from smsq.events.events import Event, RecipientEvent, read_entry
from smsq.models import MessageRequest, ReportRow
from smsq.records.jobs import Idempotency
from tests.smsq.world import ACCEPTED, PLAN, World


def entries_of(world: World) -> Any:
    return world.redis.xrange(world.keys.events)


def news(world: World) -> list[Event]:
    return [event for entry in entries_of(world) for event in read_entry(*entry)]


def test_a_job_s_events_have_its_names(world: World) -> None:
    job = world.enqueue(names="order-77\notp\nvip")
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(10)
    rows = [ReportRow("375291234567", "delivered", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=None)

    events = news(world)
    assert {event.reference for event in events} == {"order-77"}
    assert {event.tags for event in events} == {("otp", "vip")}
    assert [type(event).__name__ for event in events].count("RecipientEvent") == 1


def test_a_recipient_s_own_reference_comes_first(world: World) -> None:
    draft = CampaignDraft(
        world.staging, fields={"on_unknown": "hold", "names": "sale"}, max_recipients=9
    )
    draft.start_message(MessageRequest(name="S", alphaname_id="1", text="t", recipients={}))
    # The first two look alike once they are masked.
    phones = ("375291234567", "375291334567", "375291234568")
    for phone, reference in zip(phones, ("row-1", "row-2", None), strict=True):
        draft.add(phone, None, reference)
    draft.commit(Idempotency())
    [job] = draft.launched
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.polls.apply_receipt(job, b"{}", {1: 77}, unmatched=0, plan=PLAN)
    world.pass_s(10)
    rows = [ReportRow(phone, "delivered", None) for phone in phones]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=None)

    found = [event for event in news(world) if isinstance(event, RecipientEvent)]
    told = sorted((event.phone, event.reference or "") for event in found)
    assert told == [
        ("+375*******67", "row-1"),
        ("+375*******67", "row-2"),
        ("+375*******68", "sale"),
    ]


def test_who_ends_unsent_has_a_name_too(world: World) -> None:
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=9)
    draft.start_message(MessageRequest(name="S", alphaname_id="1", text="t", recipients={}))
    draft.add("375291234567", None, "row-1")
    draft.commit(Idempotency())
    world.ledger.cancel(draft.launched[0])

    [told] = [event for event in news(world) if isinstance(event, RecipientEvent)]
    assert (told.new_state, told.reference) == ("undelivered", "row-1")


def test_a_gathered_send_s_events_have_its_own_names(queue: smsq.SmsQueue, world: World) -> None:
    first = queue.send_personal("375291234567", "a", reference="bill-1", tags=["bills"])
    queue.cancel(first)

    own = [
        event
        for event in news(world)
        if first in (getattr(event, "job_id", ""), getattr(event, "own_id", ""))
    ]
    assert {(event.reference, event.tags) for event in own} == {("bill-1", ("bills",))}
    assert {type(event) for event in own} == {smsq.JobEvent, RecipientEvent}


def test_a_campaign_s_events_have_its_names(world: World) -> None:
    draft = world.start_campaign(3, names="sale\nshop")
    world.brakes.pause(draft.id, by="me@here")

    told = [event for event in news(world) if isinstance(event, smsq.CampaignEvent)]
    assert {(event.reference, event.tags) for event in told} == {("sale", ("shop",))}


def test_names_stand_beside_the_news_where_older_readers_do_not_look(world: World) -> None:
    world.enqueue(names="order-77")
    [[_, fields]] = entries_of(world)

    [item] = json.loads(fields["news"])
    assert (len(item), item[2:]) == (5, ["", "", "queued"])
    assert "order-77" not in fields["news"]


def test_without_names_an_entry_is_as_it_was(world: World) -> None:
    world.enqueue()
    [[_, fields]] = entries_of(world)

    assert set(fields) == {"at_ms", "changes", "news"}

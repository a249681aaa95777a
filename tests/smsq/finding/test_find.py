"""`queue.find`: sends by a caller's own reference, and by phone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

import smsq
from smsq.campaigns.draft import CampaignDraft
from smsq.finding.summary import JobSummary
from smsq.models import MessageRequest
from smsq.records.jobs import Idempotency
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.smsq.finding.searched import finder_of, index_of
from tests.smsq.world import World

PHONE, OTHER = "375291234567", "375291234568"
THREE: Any = (PHONE, "a", "b")


def ids(found: list[JobSummary]) -> list[str]:
    return [one.id for one in found]


def test_a_quick_message_is_found_by_its_reference_and_by_its_phone(queue: smsq.SmsQueue) -> None:
    job = queue.send_quick(PHONE, "code", reference="order-77", tags=["otp"])
    queue.send_quick(OTHER, "code", reference="order-78")

    [one] = queue.find(reference="order-77")
    assert one.id == job
    assert (one.kind, one.state) == (smsq.Kind.QUICK, smsq.JobState.QUEUED)
    assert (one.reference, one.tags) == ("order-77", ("otp",))
    assert (one.phone, one.recipient_state) == ("+375*******67", smsq.RecipientState.PENDING)
    assert queue.find(phone="80 29 123-45-67") == [one]
    assert queue.find(reference="order-7") == []


def test_a_reference_may_be_used_often_and_the_newest_comes_first(queue: smsq.SmsQueue) -> None:
    jobs = [queue.send_quick(PHONE, f"code {n}", reference="order-77") for n in range(5)]

    assert ids(queue.find(reference="order-77")) == jobs[::-1]
    assert ids(queue.find(phone=PHONE, limit=2)) == jobs[:-3:-1]


def test_more_than_one_call_of_the_script_finds_all_of_them(queue: smsq.SmsQueue) -> None:
    message = smsq.QuickMessage(phone=PHONE, text="code", reference="order-77")
    jobs = queue.send_quick_many([message] * 450)

    assert set(ids(queue.find(reference="order-77", limit=1000))) == set(jobs)
    assert len(queue.find(phone=PHONE)) == 100


def test_a_gathered_send_is_found_by_its_own_id_cancelled_or_not(queue: smsq.SmsQueue) -> None:
    first = queue.send_personal(PHONE, "a", reference="bill-1", tags=["bills"])
    second = queue.send_personal(OTHER, "b", reference="bill-2")
    queue.cancel(second)

    assert ids(queue.find(reference="bill-1")) == ids(queue.find(phone=PHONE)) == [first]
    [one] = queue.find(phone=OTHER)
    assert (one.id, one.state, one.reference) == (second, smsq.JobState.CANCELLED, "bill-2")
    assert ids(list(queue.jobs(tag="bills"))) == [first]
    assert queue.status(first).reference == "bill-1"
    assert next(queue.recipients(first)).reference == "bill-1"


def test_a_recipient_of_a_campaign_is_found_by_its_phone_and_by_its_own_reference(
    settings: Settings,
) -> None:
    queue = smsq.SmsQueue(settings=replace(settings, bulk_max_recipients=3))
    phones = [f"37529{1_234_000 + n}" for n in range(10)]
    campaign = queue.send_bulk(
        [
            smsq.BulkMessage(name="Sale", text="t", phones=[(p, f"row-{p}") for p in phones[:5]]),
            smsq.BulkMessage(name="Sale", text="t", phones=phones[5:]),
            smsq.PersonalMessage(
                name="Bills", texts=[(phones[0], "a", None), (phones[1], "b", "x")]
            ),
        ],
        reference="sale-11",
        tags=["sale"],
    )

    [first] = queue.find(reference=f"row-{phones[4]}")
    assert (first.campaign_id, first.phone) == (campaign, "+375*******04")
    assert ids(queue.find(phone=phones[4])) == [first.id]
    assert {one.reference for one in queue.find(phone=phones[0])} == {"sale-11", f"row-{phones[0]}"}
    assert [one.reference for one in queue.find(phone=phones[9])] == ["sale-11"]
    [found] = queue.find(reference="sale-11")
    assert (found.id, found.kind, found.tags) == (campaign, smsq.Kind.CAMPAIGN, ("sale",))
    own = {row.phone: row.reference for row in queue.recipients(first.id)}
    assert own[phones[4]] == f"row-{phones[4]}"
    assert queue.status(campaign).reference == queue.campaign(campaign).reference == "sale-11"
    queue.close()


def test_a_draft_is_not_found_before_its_commit(world: World) -> None:
    finder = finder_of(world)
    draft = CampaignDraft(
        world.staging, fields={"on_unknown": "hold", "names": "sale"}, max_recipients=1
    )
    draft.start_message(MessageRequest(name="S", alphaname_id="1", text="t", recipients={}))
    draft.add(PHONE, None, "row-1")
    draft.add(OTHER, None, "row-2")

    assert not finder.find(reference="sale") + finder.find(reference="row-1")
    assert not finder.find(phone=PHONE) + list(finder.jobs())
    draft.commit(Idempotency())
    assert len(finder.find(reference="row-1")) == len(finder.find(phone=PHONE)) == 1


def test_a_repeated_call_with_another_reference_returns_the_first_id(queue: smsq.SmsQueue) -> None:
    send = smsq.BulkMessage(name="Sale", text="t", phones=(PHONE, OTHER))
    job = queue.send_quick(PHONE, "code", key="k", reference="order-1")
    campaign = queue.send_bulk([send], key="c", reference="sale-1", tags=["a"])

    assert queue.send_quick(PHONE, "code", key="k", reference="order-2", tags=["b"]) == job
    assert queue.send_bulk([send], key="c", reference="sale-2") == campaign
    assert queue.status(job).reference == "order-1"
    assert queue.status(campaign).reference == "sale-1"
    assert not queue.find(reference="order-2") + queue.find(reference="sale-2")


def test_what_is_older_is_left_out(world: World) -> None:
    finder = finder_of(world)
    old = world.enqueue(names="order-1")
    world.start_campaign(1, names="order-1")
    world.pass_s(3600)
    new = world.enqueue(names="order-1")
    since = datetime.fromtimestamp(world.now_ms / 1000 - 60, UTC)

    assert ids(finder.find(reference="order-1", since=since)) == [new]
    assert ids(list(finder.jobs(since=since))) == [new]
    assert old in ids(finder.find(reference="order-1"))


def test_the_index_holds_no_phone_and_no_reference(queue: smsq.SmsQueue, world: World) -> None:
    queue.send_quick(PHONE, "code", reference="order-77")
    queue.send_personal(PHONE, "code", reference="order-78")

    kept = str(index_of(world))
    assert PHONE not in kept
    assert PHONE[-6:] not in kept
    assert "order" not in kept


def test_without_the_setting_there_is_no_index_of_phones(settings: Settings, world: World) -> None:
    queue = smsq.SmsQueue(settings=replace(settings, find_by_phone=False))
    job = queue.send_quick(PHONE, "code")
    queue.send_personal(PHONE, "code")

    assert not [key for key in index_of(world) if ":index:" in key]
    with pytest.raises(smsq.ConfigError, match="SMSQ_FIND_BY_PHONE"):
        queue.find(phone=PHONE)
    named = queue.send_quick(PHONE, "code", reference="order-77")
    assert ids(queue.find(reference="order-77")) == [named]
    assert job in ids(list(queue.jobs()))
    queue.close()


def test_two_installations_have_different_digests(queue: smsq.SmsQueue, scripts: Scripts) -> None:
    def place() -> set[str]:
        found = scripts.redis.scan_iter(f"{scripts.keys.namespace}:index:*")
        return {f"{key} {str(scripts.redis.lindex(key, 0))[:3]}" for key in found}

    many = [f"37529{1_234_000 + n}" for n in range(20)]
    queue.send_quick_many([smsq.QuickMessage(phone=phone, text="a") for phone in many])
    before = place()
    for key in scripts.redis.scan_iter(f"{scripts.keys.namespace}:*"):
        scripts.redis.delete(key)
    scripts.redis.set(f"{scripts.keys.namespace}:index_secret", "another")
    queue.send_quick_many([smsq.QuickMessage(phone=phone, text="a") for phone in many])

    assert not place() & before


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ({}, "a reference or a phone"),
        ({"reference": "a", "phone": PHONE}, "a reference or a phone"),
        ({"phone": "12"}, "phone"),
        ({"reference": ""}, "reference"),
        ({"reference": "a", "limit": 0}, "limit"),
        ({"reference": "a", "limit": True}, "limit"),
        ({"reference": "a", "since": "yesterday"}, "since"),
        ({"reference": "a", "since": datetime(2026, 1, 1)}, "since has no time zone"),  # noqa: DTZ001
    ],
)
def test_a_search_for_nothing_is_refused(queue: smsq.SmsQueue, search: Any, said: str) -> None:
    with pytest.raises(smsq.InvalidMessageError, match=said):
        queue.find(**search)


@pytest.mark.parametrize("filters", [{"state": "lost"}, {"tag": ""}, {"since": 3}])
def test_a_list_of_nothing_is_refused_at_once(queue: smsq.SmsQueue, filters: Any) -> None:
    with pytest.raises(smsq.InvalidMessageError):
        queue.jobs(**filters)


@pytest.mark.parametrize(
    "send",
    [
        lambda queue: queue.send_quick(PHONE, "a", reference="a\nb"),
        lambda queue: queue.send_personal(PHONE, "a", tags="otp"),
        lambda queue: queue.send_quick_many(
            [smsq.QuickMessage(phone=PHONE, text="a", tags=["a,b"])]
        ),
        lambda queue: queue.send_bulk(
            [smsq.BulkMessage(name="S", text="t", phones=[(PHONE, "a" * 65)])]
        ),
        lambda queue: queue.send_bulk([smsq.BulkMessage(name="S", text="t", phones=[THREE])]),
        lambda queue: queue.send_bulk(
            [smsq.BulkMessage(name="S", text="t", phones=[PHONE])], tags=list("abcdef")
        ),
    ],
)
def test_wrong_names_are_refused_and_nothing_is_stored(
    queue: smsq.SmsQueue, send: Callable[[smsq.SmsQueue], object]
) -> None:
    with pytest.raises(smsq.InvalidMessageError):
        send(queue)
    assert not list(queue.jobs())


def test_entries_that_an_older_version_left_are_taken_out(world: World) -> None:
    finder = finder_of(world)
    gone, kept = world.enqueue(names="order-1"), world.enqueue(names="order-1")
    world.redis.delete(world.keys.job(gone))

    assert ids(finder.find(reference="order-1")) == [kept]
    assert ids(list(finder.jobs())) == [kept]
    assert gone not in str(index_of(world))


def test_jobs_are_listed_by_state_and_tag_over_more_than_ten_minutes(world: World) -> None:
    finder = finder_of(world)
    jobs = []
    for n in range(250):
        jobs.append(world.enqueue(names="\nodd" if n % 2 else "order"))
        world.pass_s(20)
    for job in jobs[:10]:
        world.ledger.cancel(job)

    assert ids(list(finder.jobs())) == jobs[::-1]
    assert ids(list(finder.jobs(tag="odd"))) == jobs[::-2]
    assert ids(list(finder.jobs(state="cancelled", tag="odd"))) == jobs[9::-2]
    assert not list(finder.jobs(tag="order"))


def test_send_quick_still_takes_one_call_to_the_ledger(queue: smsq.SmsQueue, world: World) -> None:
    queue.send_quick(PHONE, "code", reference="a")
    before: Any = world.redis.info("commandstats")["cmdstat_evalsha"]
    queue.send_quick(PHONE, "code", reference="b", tags=["c"])
    after: Any = world.redis.info("commandstats")["cmdstat_evalsha"]

    assert after["calls"] - before["calls"] == 1

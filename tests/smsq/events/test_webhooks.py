"""Deliveries: news taken out of the stream once, tried for a day, then kept to be replayed."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from smsq.domain.backoff import Backoff
from smsq.errors import NotFoundError
from smsq.events import webhooks
from smsq.events.events import JobEvent
from smsq.events.posts import Answer, Delivery, Posted
from smsq.events.webhooks import DELIVERY_CHANGES, GIVE_UP_MS, Settled, Webhooks
from smsq.events.wire import dump_event
from smsq.models import ReportRow
from smsq.names import Start
from smsq.settings import Settings
from tests.smsq.world import ACCEPTED, PLAN, World

DAY_S = GIVE_UP_MS / 1000
URL = "https://shop.example/news?token=5ecret"
TAKEN, GONE, TOO_LARGE = (Posted(one) for one in (Answer.TAKEN, Answer.GONE, Answer.TOO_LARGE))

#: How the ids of parts end.
PARTS = ["0-2", "2-4", "4-5"]


def failed(error: str = "status 500", hold_s: float = 0.0) -> Posted:
    return Posted(Answer.FAILED, error, hold_s)


@pytest.fixture
def hooks(world: World) -> Webhooks:
    # Without luck: each pause is as long as it may be.
    return Webhooks(
        world.scripts, url=URL, start=Start.OLDEST, backoff=Backoff(5, 3600, dice=lambda: 1.0)
    )


def claim(hooks: Webhooks) -> Delivery:
    found = hooks.claim(lease_s=30)
    assert found is not None
    return found


def fail_for_a_day(world: World, hooks: Webhooks) -> list[float]:
    """Let every try fail; returns the pauses between them."""
    pauses: list[float] = []
    while hooks.settle(claim(hooks), failed("status 500")) is Settled.LATER:
        due: Any = world.redis.zrange(world.keys.deliveries, 0, -1, withscores=True)
        pauses.append((due[0][1] - world.now_ms) / 1000)
        world.pass_s(pauses[-1] - 0.001)
        assert hooks.claim(lease_s=30) is None
        world.pass_s(0.001)
    return pauses


def kill(world: World, hooks: Webhooks) -> str:
    """Make a delivery that was given up."""
    world.enqueue()
    world.pass_s(10)
    hooks.collect()
    delivery = claim(hooks)
    world.pass_s(DAY_S + 1)
    assert hooks.settle(delivery, failed("status 500")) is Settled.DEAD
    return delivery.id


def test_news_becomes_a_delivery_once(world: World, hooks: Webhooks) -> None:
    jobs = [world.enqueue() for _ in range(3)]

    assert hooks.collect() == 3
    world.pass_s(1)
    assert hooks.collect() == 0
    delivery = claim(hooks)
    assert [dump_event(event)["job_id"] for event in delivery.events] == jobs
    assert hooks.claim(lease_s=30) is None


def test_a_body_holds_ids_masked_phones_and_states(world: World, hooks: Webhooks) -> None:
    job = world.enqueue()
    world.claims.settle(world.claim(job), ACCEPTED, PLAN)
    world.pass_s(5)
    rows = [ReportRow("375291234567", "Delivered", None)]
    world.polls.apply_page(world.claim_poll(), rows, next_offset=0, next_in_s=None)
    hooks.collect()

    delivery = claim(hooks)
    body = json.loads(delivery.body)
    assert body["id"] == delivery.id
    assert body["events"][0] == {
        "type": "job",
        "id": f"{delivery.id}:0",
        "at": "2023-11-14T22:13:20.000+00:00",
        "job_id": job,
        "campaign_id": None,
        "old_state": None,
        "new_state": "queued",
        "error": None,
        "reference": None,
        "tags": [],
    }
    recipient = body["events"][3]
    assert (recipient["type"], recipient["phone"]) == ("recipient", "+375*******67")
    assert (recipient["message_number"], recipient["message_id"]) == (1, 77)
    assert (recipient["old_state"], recipient["new_state"]) == ("pending", "delivered")
    assert recipient["gateway_status"] == "Delivered"
    assert b"1234567" not in delivery.body
    assert b"code" not in delivery.body


def test_a_retry_has_the_same_id_and_the_same_body(world: World, hooks: Webhooks) -> None:
    world.enqueue()
    hooks.collect()
    first = claim(hooks)
    assert hooks.settle(first, failed("ConnectTimeout")) is Settled.LATER
    world.pass_s(5)

    second = claim(hooks)
    assert (second.id, second.body, second.attempts) == (first.id, first.body, 2)


def test_deliveries_are_bounded_in_size(world: World, hooks: Webhooks) -> None:
    world.enqueue_many(DELIVERY_CHANGES + 200)

    sizes = [hooks.collect(), hooks.collect()]  # at once: there is more
    assert sizes == [DELIVERY_CHANGES, 200]


def test_processes_that_collect_and_claim_together_share_the_news(
    world: World, hooks: Webhooks
) -> None:
    world.enqueue_many(1200)
    claimed: list[Delivery] = []

    def work() -> None:
        for _ in range(20):
            hooks.collect()
            delivery = hooks.claim(lease_s=30)
            if delivery:
                claimed.append(delivery)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = [event.id for delivery in claimed for event in delivery.events]
    assert len(events) == len(set(events)) == 1200


def test_what_was_taken_leaves_nothing_behind(world: World, hooks: Webhooks) -> None:
    world.enqueue()
    hooks.collect()
    delivery = claim(hooks)

    assert hooks.settle(delivery, TAKEN) is Settled.TAKEN
    assert hooks.count_waiting() == 0
    assert not world.redis.exists(world.keys.delivery(delivery.id))


def test_a_process_that_died_with_a_delivery_is_made_good(world: World, hooks: Webhooks) -> None:
    world.enqueue()
    hooks.collect()
    stalled = claim(hooks)
    world.pass_s(29)
    assert hooks.claim(lease_s=30) is None
    world.pass_s(1)
    again = claim(hooks)

    assert again.id == stalled.id
    assert hooks.settle(stalled, failed("ReadTimeout")) is Settled.STALE
    assert hooks.settle(again, TAKEN) is Settled.TAKEN
    assert hooks.settle(again, TAKEN) is Settled.STALE


def test_tries_go_on_for_a_day_with_growing_pauses(world: World, hooks: Webhooks) -> None:
    world.enqueue()
    hooks.collect()
    pauses = fail_for_a_day(world, hooks)

    assert pauses[:5] == [5, 10, 20, 40, 80]
    assert max(pauses) == 3600
    assert DAY_S - 3600 <= sum(pauses) <= DAY_S
    assert len(pauses) < 40


def test_what_was_given_up_is_kept_and_can_be_replayed(world: World, hooks: Webhooks) -> None:
    dead_id = kill(world, hooks)

    [dead] = hooks.dead()
    assert (dead.id, dead.size, dead.attempts, dead.error) == (dead_id, 1, 1, "status 500")
    assert dead.since.timestamp() * 1000 == world.now_ms
    assert world.views.stats(10).oddities["webhooks_given_up"] == 1
    assert hooks.claim(lease_s=30) is None

    hooks.replay(dead_id)
    assert hooks.dead() == []
    again = claim(hooks)
    assert (again.id, again.attempts) == (dead_id, 1)
    # It has a day again.
    assert hooks.settle(again, failed("status 500")) is Settled.LATER
    with pytest.raises(NotFoundError, match=dead_id):
        hooks.replay(dead_id)


def test_of_what_was_given_up_only_the_newest_is_kept(
    world: World, hooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_DEAD", 3)
    dead = [kill(world, hooks) for _ in range(5)]

    assert [one.id for one in hooks.dead()] == dead[2:]
    kept = list(world.redis.scan_iter(world.keys.delivery("*")))
    assert len(kept) == 3


def test_nothing_stays_for_ever(world: World, hooks: Webhooks) -> None:
    kill(world, hooks)
    world.enqueue()
    world.pass_s(10)
    hooks.collect()

    keys = world.keys
    ours = {keys.webhook, keys.deliveries, keys.dead_deliveries, keys.events}
    ours |= set(world.redis.scan_iter(keys.delivery("*")))
    assert len(ours) == 6
    assert all(world.redis.pttl(key) > 0 for key in ours)


def test_a_dead_receiver_fills_redis_to_a_bound_only(
    world: World, hooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MOST_WAITING", 4)
    for _ in range(8):
        world.enqueue()
        world.pass_s(60)
        hooks.collect()

    assert hooks.count_waiting() == 4
    # What did not fit waits in the stream, and comes when there is room.
    assert hooks.settle(claim(hooks), TAKEN) is Settled.TAKEN
    assert hooks.collect() == 4


def test_while_the_receiver_fails_and_many_wait_news_is_taken_in_larger_pieces(
    world: World, hooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MANY", 2)

    def take_for(seconds: int) -> list[int]:
        sizes = []
        for _ in range(seconds):
            world.enqueue()
            world.pass_s(1)
            sizes.append(hooks.collect())
        return sizes

    assert take_for(3) == [1, 1, 1]
    assert hooks.settle(claim(hooks), failed()) is Settled.LATER
    assert [size for size in take_for(21) if size] == [1, 10, 10]

    # It takes posts again: fresh news is posted at once, whatever waits.
    assert hooks.settle(claim(hooks), TAKEN) is Settled.TAKEN
    world.pass_s(10)
    hooks.collect()
    assert take_for(3) == [1, 1, 1]


def waiting_after_outage(world: World, hooks: Webhooks, *, deliveries: int) -> list[str]:
    """Let so many deliveries fail until none is due for minutes; their ids."""
    ids: list[str] = []
    for _ in range(deliveries):
        world.enqueue()
        world.pass_s(1)
        hooks.collect()
    while True:
        found = hooks.claim(lease_s=30)
        if not found:
            due: Any = world.redis.zrange(world.keys.deliveries, 0, 0, withscores=True)
            if due[0][1] - world.now_ms > 300_000:
                return ids
            world.pass_s(1)
            continue
        if found.id not in ids:
            ids.append(found.id)
        hooks.settle(found, failed())


def test_after_an_outage_what_waits_is_due_at_once_and_fresh_news_is_not_held_up(
    world: World, hooks: Webhooks
) -> None:
    old = waiting_after_outage(world, hooks, deliveries=12)
    world.enqueue()
    world.pass_s(10)
    hooks.collect()
    assert hooks.settle(claim(hooks), TAKEN) is Settled.TAKEN

    taken = [claim(hooks) for _ in range(4)]
    assert hooks.claim(lease_s=30) is None, "so many are due at once"
    world.enqueue()
    world.pass_s(0.5)
    assert hooks.collect() == 1
    fresh = claim(hooks)
    assert fresh.id not in old
    for one in (*taken, fresh):
        assert hooks.settle(one, TAKEN) is Settled.TAKEN
    while left := hooks.claim(lease_s=30):
        taken.append(left)
        assert hooks.settle(left, TAKEN) is Settled.TAKEN
    assert sorted(one.id for one in taken) == sorted(old)
    assert hooks.count_waiting() == 0


def test_a_delivery_that_fails_alone_keeps_its_pauses(world: World, hooks: Webhooks) -> None:
    """A receiver that stumbles over one delivery is not asked about it with each other one."""
    world.enqueue()
    hooks.collect()
    poison = claim(hooks)
    for pause_s in (5, 10, 20, 40, 80):
        assert hooks.settle(poison, failed()) is Settled.LATER
        for _ in range(3):
            world.enqueue()
            world.pass_s(pause_s / 4)
            hooks.collect()
            other = claim(hooks)
            assert other.id != poison.id
            assert hooks.settle(other, TAKEN) is Settled.TAKEN
        world.pass_s(pause_s / 4)
        poison = claim(hooks)
    assert poison.attempts == 6


def test_what_is_being_posted_is_not_brought_forward(world: World, hooks: Webhooks) -> None:
    waiting_after_outage(world, hooks, deliveries=2)
    world.pass_s(3600)
    held, taken = claim(hooks), claim(hooks)

    assert hooks.settle(taken, TAKEN) is Settled.TAKEN
    assert hooks.claim(lease_s=30) is None
    assert hooks.settle(held, TAKEN) is Settled.TAKEN


def test_a_receiver_that_is_gone_gets_nothing_until_it_is_resumed(
    world: World, hooks: Webhooks
) -> None:
    world.enqueue()
    hooks.collect()
    delivery = claim(hooks)
    assert (hooks.ended_at(), hooks.has_ended()) == (None, False)
    assert hooks.settle(delivery, GONE) is Settled.ENDED

    ended_at = hooks.ended_at()
    assert ended_at
    assert ended_at.timestamp() * 1000 == world.now_ms
    assert hooks.has_ended()
    for _ in range(3):
        world.enqueue()
        world.pass_s(3600)
        assert hooks.collect() == 0
        assert hooks.claim(lease_s=30) is None

    assert hooks.resume()
    assert not hooks.resume()
    assert (hooks.ended_at(), hooks.has_ended()) == (None, False)
    assert claim(hooks).id == delivery.id
    assert hooks.collect() == 3


def test_another_address_is_another_receiver(world: World, hooks: Webhooks) -> None:
    world.enqueue()
    hooks.collect()
    assert hooks.settle(claim(hooks), GONE) is Settled.ENDED
    moved = Webhooks(world.scripts, url="https://shop.example/elsewhere")

    assert not moved.has_ended()
    assert hooks.claim(lease_s=30) is None
    assert moved.settle(claim(moved), TAKEN) is Settled.TAKEN
    assert "5ecret" not in str(world.redis.hgetall(world.keys.webhook))


def test_a_post_that_is_too_large_is_halved_and_each_event_comes_once(
    world: World, hooks: Webhooks
) -> None:
    jobs = [world.enqueue() for _ in range(5)]
    hooks.collect()
    whole = claim(hooks)
    assert hooks.settle(whole, TOO_LARGE) is Settled.SMALLER
    first = claim(hooks)
    assert hooks.settle(first, TAKEN) is Settled.MORE
    second = claim(hooks)
    assert hooks.settle(second, failed()) is Settled.LATER
    world.pass_s(5)
    again = claim(hooks)
    assert again.body == second.body
    assert hooks.settle(again, TAKEN) is Settled.MORE
    third = claim(hooks)
    assert hooks.settle(third, TAKEN) is Settled.TAKEN

    posts = [first, second, third]
    assert [len(post.events) for post in posts] == [2, 2, 1]
    assert [dump_event(e)["job_id"] for post in posts for e in post.events] == jobs
    # Whoever leaves out what it has seen must not take a part for the whole.
    assert [post.message_id for post in posts] == [f"{whole.id}:{part}" for part in PARTS]
    assert [json.loads(post.body)["id"] for post in posts] == [p.message_id for p in posts]
    assert whole.message_id == whole.id
    assert hooks.count_waiting() == 0


def test_later_deliveries_are_small_too_and_large_ones_are_tried_after_an_hour(
    world: World, hooks: Webhooks
) -> None:
    for _ in range(8):
        world.enqueue()
    hooks.collect()
    assert hooks.settle(claim(hooks), TOO_LARGE) is Settled.SMALLER
    assert len(claim(hooks).events) == 4
    world.pass_s(3599)
    assert len(claim(hooks).events) == 4
    world.pass_s(30)
    assert len(claim(hooks).events) == 8


def test_a_single_event_that_is_too_large_is_given_up_with_the_reason(
    world: World, hooks: Webhooks
) -> None:
    for _ in range(2):
        world.enqueue()
    hooks.collect()
    too_large = Posted(Answer.TOO_LARGE, "status 413")
    assert hooks.settle(claim(hooks), too_large) is Settled.SMALLER
    assert hooks.settle(claim(hooks), too_large) is Settled.DEAD

    [dead] = hooks.dead()
    assert dead.error == "status 413"
    hooks.replay(dead.id)
    assert hooks.settle(claim(hooks), TAKEN) is Settled.MORE


def test_a_receiver_that_asks_for_a_pause_is_left_alone_by_every_delivery(
    world: World, hooks: Webhooks
) -> None:
    world.enqueue()
    hooks.collect()
    asked = claim(hooks)
    assert hooks.settle(asked, failed("status 429", hold_s=120)) is Settled.LATER
    world.enqueue()
    world.pass_s(119)
    hooks.collect()
    assert hooks.claim(lease_s=30) is None
    world.pass_s(1)
    assert {claim(hooks).id, claim(hooks).id} >= {asked.id}

    assert not hooks.resume()


def test_an_operator_ends_a_pause_that_the_receiver_asked_for(
    world: World, hooks: Webhooks
) -> None:
    world.enqueue()
    hooks.collect()
    hooks.settle(claim(hooks), failed("status 503", hold_s=3600))
    world.enqueue()
    world.pass_s(1)
    hooks.collect()
    assert hooks.claim(lease_s=30) is None
    assert hooks.resume()
    assert claim(hooks).attempts == 1


def test_a_new_webhook_begins_with_what_happens_from_now_on(world: World) -> None:
    world.enqueue()
    new = Webhooks(world.scripts)
    assert new.collect() == 0
    job = world.enqueue()
    world.pass_s(1)
    assert new.collect() == 1
    assert [dump_event(event)["job_id"] for event in claim(new).events] == [job]


def test_a_webhook_that_comes_back_goes_on_where_it_was(
    world: World, settings: Settings, hooks: Webhooks
) -> None:
    """It is not new because nobody ran it for longer than events are kept."""
    world.now_us = int(world.redis.time()[0]) * 1_000_000
    hooks.collect()
    left_ms = int(str(world.redis.pttl(world.keys.webhook)))

    assert left_ms > 30 * 24 * 3600 * 1000 > settings.events_keep_s * 1000


def test_news_that_cannot_be_read_is_left_out(world: World, hooks: Webhooks) -> None:
    world.redis.xadd(world.keys.events, {"odd": "fields"})
    job = world.enqueue()
    hooks.collect()

    [event] = claim(hooks).events
    assert isinstance(event, JobEvent)
    assert event.job_id == job

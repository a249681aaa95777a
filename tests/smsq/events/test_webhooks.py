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
from smsq.events.webhooks import DELIVERY_CHANGES, GIVE_UP_MS, Delivery, Settled, Webhooks
from smsq.events.wire import dump_event
from smsq.models import ReportRow
from tests.smsq.world import ACCEPTED, PLAN, World

DAY_S = GIVE_UP_MS / 1000


@pytest.fixture
def hooks(world: World) -> Webhooks:
    # Without luck: each pause is as long as it may be.
    return Webhooks(world.scripts, backoff=Backoff(5, 3600, dice=lambda: 1.0))


def claim(hooks: Webhooks) -> Delivery:
    found = hooks.claim(lease_s=30)
    assert found is not None
    return found


def fail_for_a_day(world: World, hooks: Webhooks) -> list[float]:
    """Let every try fail; returns the pauses between them."""
    pauses: list[float] = []
    while hooks.settle(claim(hooks), error="status 500") is Settled.LATER:
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
    assert hooks.settle(delivery, error="status 500") is Settled.DEAD
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
    assert hooks.settle(first, error="ConnectTimeout") is Settled.LATER
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

    assert hooks.settle(delivery, error="") is Settled.TAKEN
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
    assert hooks.settle(stalled, error="ReadTimeout") is Settled.STALE
    assert hooks.settle(again, error="") is Settled.TAKEN
    assert hooks.settle(again, error="") is Settled.STALE


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
    assert hooks.settle(again, error="status 500") is Settled.LATER
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
    assert hooks.settle(claim(hooks), error="") is Settled.TAKEN
    assert hooks.collect() == 4


def test_while_many_deliveries_wait_news_is_taken_in_larger_pieces(
    world: World, hooks: Webhooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "MANY", 2)
    sizes = []
    for _ in range(30):
        world.enqueue()
        world.pass_s(1)
        sizes.append(hooks.collect())

    assert sizes[:3] == [1, 1, 1]
    assert [size for size in sizes[3:] if size] == [10, 10]


def test_news_that_cannot_be_read_is_left_out(world: World, hooks: Webhooks) -> None:
    world.redis.xadd(world.keys.events, {"odd": "fields"})
    job = world.enqueue()
    hooks.collect()

    [event] = claim(hooks).events
    assert isinstance(event, JobEvent)
    assert event.job_id == job

"""Reading the news: groups share it, nothing is lost with a consumer or with Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smsq.errors import ConfigError, QueueUnavailableError
from smsq.events import reader as events
from smsq.events.events import Event, JobEvent, RecipientEvent
from smsq.events.groups import REMEMBERED_S
from smsq.events.wire import dump_event
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.connection import connect
from tests.conftest import HAS_REDIS
from tests.smsq.world import World
from tests.support import MutingProxy, RedisServer, free_port, wait_until


def read(queue: SmsQueue, consumer: str = "one", **options: float | str) -> list[Event]:
    """All the news that this consumer gets now."""
    more = {"block_s": 0.0, "claim_after_s": 60.0, "start": "oldest", **options}
    return list(queue.events(group="app", consumer=consumer, **more))  # type: ignore[arg-type]


def handle_badly(event: Event) -> None:
    raise RuntimeError(f"broken by {event.id}")


def ids(found: list[Event]) -> list[str]:
    return [dump_event(event)["job_id"] for event in found]


def test_a_group_begins_with_the_oldest_news_and_reads_each_once(
    queue: SmsQueue, world: World
) -> None:
    jobs = [world.enqueue() for _ in range(5)]

    assert ids(read(queue)) == jobs
    assert read(queue) == []
    later = world.enqueue()
    assert ids(read(queue)) == [later]


def test_a_new_group_begins_with_what_happens_from_now_on(queue: SmsQueue, world: World) -> None:
    world.enqueue()
    assert read(queue, start="now") == []
    job = world.enqueue()
    assert ids(read(queue, start="now")) == [job]


@pytest.mark.parametrize("start", ["now", "oldest"])
def test_a_group_that_comes_back_after_a_day_without_events_misses_nothing(
    queue: SmsQueue, world: World, start: str
) -> None:
    world.enqueue()
    read(queue, start=start)
    world.redis.delete(world.keys.events)  # as when its newest entry is old
    job = world.enqueue()
    assert ids(read(queue, start=start)) == [job]


def test_a_group_that_nobody_has_joined_for_months_is_new(queue: SmsQueue, world: World) -> None:
    read(queue, start="now")
    now_s = int(world.redis.time()[0])
    world.redis.zadd(world.keys.event_groups, {"app": now_s - REMEMBERED_S - 5})
    assert 0 < world.redis.ttl(world.keys.event_groups) <= REMEMBERED_S
    list(queue.events(group="another", consumer="one", block_s=0))

    assert world.redis.zrange(world.keys.event_groups, 0, -1) == ["another"]


def test_each_group_gets_all_of_it(queue: SmsQueue, world: World) -> None:
    jobs = [world.enqueue() for _ in range(3)]

    for group in ("app", "accounts"):
        assert (
            ids(list(queue.events(group=group, consumer="one", block_s=0, start="oldest"))) == jobs
        )


def test_a_group_may_be_there_before_the_first_news(queue: SmsQueue, world: World) -> None:
    assert read(queue) == []
    assert 0 < world.redis.ttl(world.keys.events) <= queue.settings.events_keep_s
    job = world.enqueue()

    assert ids(read(queue)) == [job]


def test_two_consumers_share_the_news(queue: SmsQueue, world: World) -> None:
    jobs = [world.enqueue() for _ in range(20)]
    first = queue.events(group="app", consumer="one", start="oldest", block_s=0, count=5)
    second = queue.events(group="app", consumer="two", start="oldest", block_s=0, count=5)
    seen = {"one": [next(first)], "two": [next(second)]}
    seen["one"] += list(first)
    seen["two"] += list(second)

    assert len(seen["two"]) == 5
    assert sorted(ids(seen["one"] + seen["two"])) == sorted(jobs)


def test_news_wakes_up_who_waits_for_it(queue: SmsQueue, world: World) -> None:
    found: list[Event] = []
    reader = queue.events(group="app", consumer="one", start="oldest", block_s=20)
    thread = threading.Thread(target=lambda: found.append(next(reader)))
    thread.start()
    time.sleep(0.1)
    job = world.enqueue()
    thread.join(10)

    assert ids(found) == [job]


def test_what_was_not_asked_past_comes_again_to_the_same_consumer_at_once(
    queue: SmsQueue, world: World
) -> None:
    jobs = [world.enqueue() for _ in range(3)]
    reader = queue.events(group="app", consumer="one", start="oldest", block_s=0)
    first, second = next(reader), next(reader)
    del reader  # it crashed with the second in hand

    again = read(queue)
    assert ids(again) == jobs[1:]
    assert again[0] == second
    assert again[0].id != first.id


def test_what_a_crashed_consumer_had_in_hand_goes_to_another_after_a_while(
    queue: SmsQueue, world: World
) -> None:
    jobs = [world.enqueue() for _ in range(4)]
    crashed = queue.events(group="app", consumer="one", start="oldest", block_s=0)
    next(crashed)

    assert read(queue, "two", claim_after_s=60) == []
    found: list[Event] = []

    def takes_over() -> bool:
        found.extend(read(queue, "two", claim_after_s=0.2))
        return len(found) == len(jobs)

    wait_until(takes_over, "the other one takes over")
    assert ids(found) == jobs
    assert read(queue, "two", claim_after_s=0.01) == []


def test_a_with_block_that_ends_well_has_handled_its_last_event(
    queue: SmsQueue, world: World
) -> None:
    jobs = [world.enqueue() for _ in range(3)]
    with queue.events(group="app", consumer="one", start="oldest", block_s=0) as reader:
        next(reader)
    with (
        pytest.raises(RuntimeError, match="broken"),
        queue.events(group="app", consumer="one", start="oldest") as reader,
    ):
        handle_badly(next(reader))

    assert ids(read(queue)) == jobs[1:]


def test_events_of_one_write_are_acknowledged_after_the_last_of_them(
    queue: SmsQueue, world: World
) -> None:
    world.enqueue()
    packed = '[["job","j1","","","queued"],["job","j2","","","queued"]]'
    read(queue)
    world.redis.xadd(world.keys.events, {"at_ms": 1, "news": packed})
    with queue.events(group="app", consumer="one", start="oldest") as reader:
        assert ids([next(reader)]) == ["j1"]

    assert ids(read(queue)) == ["j1", "j2"]
    assert read(queue) == []


def test_a_jobs_news_comes_in_order(queue: SmsQueue, world: World) -> None:
    jobs = [world.enqueue() for _ in range(10)]
    for job in jobs:
        world.ledger.cancel(job)

    states: dict[str, list[str]] = {}
    for event in read(queue):
        assert isinstance(event, JobEvent | RecipientEvent)
        states.setdefault(event.job_id, []).append(event.new_state)
    assert states == {job: ["queued", "cancelled", "undelivered"] for job in jobs}


def test_an_entry_that_cannot_be_read_is_skipped_and_does_not_come_again(
    queue: SmsQueue, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.redis.xadd(world.keys.events, {"odd": "fields"})
    job = world.enqueue()

    assert ids(read(queue)) == [job]
    assert "news skipped" in caplog.text
    assert read(queue) == []


def test_what_was_trimmed_before_it_was_handled_is_gone(queue: SmsQueue, world: World) -> None:
    world.enqueue()
    next(queue.events(group="app", consumer="one", start="oldest"))
    world.redis.xtrim(world.keys.events, maxlen=0, approximate=False)
    job = world.enqueue()

    assert ids(read(queue)) == [job]
    assert read(queue, "two", claim_after_s=0.001) == []


def test_a_stream_that_is_gone_begins_anew(queue: SmsQueue, world: World) -> None:
    world.enqueue()
    reader = queue.events(group="app", consumer="one", start="oldest", block_s=5)
    next(reader)
    world.redis.delete(world.keys.events)
    job = world.enqueue()

    assert ids([next(reader)]) == [job]


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.mark.real_redis
def test_a_restart_of_redis_loses_no_news_and_ends_no_reader(
    own_redis: RedisServer, environ: dict[str, str]
) -> None:
    settings = Settings.from_env(environ | {"SMSQ_REDIS_URL": own_redis.url})
    world, queue = World(settings), SmsQueue(settings=settings)
    jobs = [world.enqueue() for _ in range(4)]
    found: list[Event] = []
    reader = queue.events(group="app", consumer="one", start="oldest", block_s=30, count=2)
    found += [next(reader), next(reader)]
    thread = threading.Thread(target=lambda: found.extend(next(reader) for _ in range(3)))
    own_redis.stop()
    thread.start()
    time.sleep(0.5)
    own_redis.start()
    jobs.append(world.enqueue())
    thread.join(30)

    assert list(dict.fromkeys(ids(found))) == jobs
    queue.close()
    world.redis.close()


@pytest.mark.real_redis
def test_a_redis_that_stays_away_ends_the_reader(
    own_redis: RedisServer, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "OUTAGE_S", 0.5)
    queue = SmsQueue(settings=Settings.from_env(environ | {"SMSQ_REDIS_URL": own_redis.url}))
    reader = queue.events(group="app", consumer="one", start="oldest")
    own_redis.stop()

    with pytest.raises(QueueUnavailableError, match="has been away"):
        next(reader)
    queue.close()


@pytest.mark.real_redis
def test_a_reader_waits_while_redis_refuses(
    own_redis: RedisServer, environ: dict[str, str]
) -> None:
    settings = Settings.from_env(environ | {"SMSQ_REDIS_URL": own_redis.url})
    queue = SmsQueue(settings=settings)
    admin = connect(own_redis.url)
    reader = queue.events(group="app", consumer="one", start="oldest", block_s=10)
    queue.send_quick("+375291234567", "before", alphaname_id="123")
    assert next(reader)
    admin.replicaof("127.0.0.1", free_port())

    def end() -> None:
        admin.replicaof("NO", "ONE")
        queue.send_quick("+375291234567", "after", alphaname_id="123")

    later = threading.Timer(0.5, end)
    later.start()
    assert next(reader)
    later.join()
    admin.close()
    queue.close()


@pytest.mark.real_redis
def test_a_reader_goes_on_at_the_new_primary_to_which_its_address_leads(
    own_redis: RedisServer, environ: dict[str, str], tmp_path: Path
) -> None:
    """The old one lives on as a replica, and keeps the connections that it has."""
    folder = tmp_path / "next"
    folder.mkdir()
    of = ("--replicaof", "127.0.0.1", str(own_redis.port), "--repl-diskless-sync-delay", "0")
    with RedisServer(folder, *of) as promoted, MutingProxy(own_redis.port) as address:
        url = f"redis://127.0.0.1:{address.port}/0"
        queue = SmsQueue(settings=Settings.from_env(environ | {"SMSQ_REDIS_URL": url}))
        reader = queue.events(group="app", consumer="one", start="oldest", block_s=30)
        queue.send_quick("+375291234567", "before", alphaname_id="123")
        assert next(reader)
        old, new = connect(own_redis.url), connect(promoted.url)
        wait_until(lambda: old.wait(1, 100) == 1, "the replica has all")

        address.to = ("127.0.0.1", promoted.port)
        new.replicaof("NO", "ONE")
        old.replicaof("127.0.0.1", promoted.port)
        own = environ | {"SMSQ_REDIS_URL": promoted.url}
        producer = SmsQueue(settings=Settings.from_env(own))
        after = producer.send_quick("+375291234567", "after", alphaname_id="123")
        news = [next(reader)]
        while after not in ids(news):
            news.append(next(reader))
        for one in (queue, producer, old, new):
            one.close()


@pytest.mark.real_redis
def test_a_reader_without_a_right_is_told_at_once(
    own_redis: RedisServer, environ: dict[str, str]
) -> None:
    queue = SmsQueue(settings=Settings.from_env(environ | {"SMSQ_REDIS_URL": own_redis.url}))
    reader = queue.events(group="app", consumer="one", start="oldest")
    admin = connect(own_redis.url)
    admin.execute_command("ACL", "SETUSER", "default", "-xreadgroup")

    with pytest.raises(QueueUnavailableError, match="lacks a right"):
        next(reader)
    admin.close()
    queue.close()


def test_an_absent_redis_is_told_at_once() -> None:
    queue = SmsQueue(f"redis://127.0.0.1:{free_port()}/0")

    with pytest.raises(QueueUnavailableError):
        queue.events(group="app", consumer="one", start="oldest")
    queue.close()


def test_where_no_news_is_kept_nobody_can_read_it(environ: dict[str, str]) -> None:
    queue = SmsQueue(settings=Settings.from_env(environ | {"SMSQ_EVENTS_KEEP_S": "0"}))

    with pytest.raises(ConfigError, match="SMSQ_EVENTS_KEEP_S is 0"):
        queue.events(group="app", consumer="one", start="oldest")
    queue.close()


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"group": ""}, "group: write 1 to 100"),
        ({"consumer": "x" * 101}, "consumer: write 1 to 100"),
        ({"count": 0}, "count: write 1 or more"),
        ({"claim_after_s": 0}, "claim_after_s: write a number above 0"),
        ({"claim_after_s": float("nan")}, "claim_after_s: write a number above 0"),
        ({"block_s": -1}, "block_s: write 0 or more"),
        ({"start": "first"}, "start: write now or oldest"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    queue: SmsQueue, options: dict[str, object], mistake: str
) -> None:
    with pytest.raises(ValueError, match=mistake):
        queue.events(**{"group": "app", "consumer": "one", **options})  # type: ignore[arg-type]


@pytest.mark.long
@pytest.mark.skipif(not HAS_REDIS, reason="fakeredis does not block")
def test_waiting_costs_two_looks_a_second(queue: SmsQueue, world: World) -> None:
    redis = connect(queue.settings.redis_url)
    calls = redis.info("commandstats").get("cmdstat_xreadgroup", {"calls": 0})["calls"]
    read(queue, block_s=1.2)

    now = redis.info("commandstats")["cmdstat_xreadgroup"]["calls"]
    assert now - calls <= 6
    redis.close()

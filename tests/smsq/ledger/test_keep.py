"""What SMSQ_DURABLE_ENQUEUE waits for, and what a call says that did not get it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

import smsq
from smsq.errors import KeyConflictError, QueueUnavailableError
from smsq.models import PersonalMessage, QuickMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.support import RedisServer, wait_until

pytestmark = [pytest.mark.real_redis, pytest.mark.long]

PHONE = "+375291234567"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RedisServer]]:
    at_once = ("--repl-diskless-sync-delay", "0")
    with RedisServer(tmp_path_factory.mktemp("primary"), *at_once) as first:
        of = ("--replicaof", "127.0.0.1", str(first.port))
        with RedisServer(tmp_path_factory.mktemp("replica"), *of) as replica:
            yield first, replica


@pytest.fixture
def careful(servers: tuple[RedisServer, RedisServer]) -> Iterator[SmsQueue]:
    made = connect(servers[0].url)
    with Redis(port=servers[0].port) as primary:
        primary.flushall()
        wait_until(lambda: primary.wait(1, 100), "the replica has all")
    yield made
    made.close()


def connect(url: str) -> SmsQueue:
    environ = {"SMSQ_REDIS_URL": url, "SMSQ_ALPHANAME_ID": "1", "SMSQ_DURABLE_ENQUEUE": "replica"}
    return smsq.SmsQueue(settings=Settings.from_env(environ))


#: Every call that stores something.
WAYS: dict[str, Callable[[SmsQueue], object]] = {
    "quick": lambda queue: queue.send_quick(PHONE, "code", key="k"),
    "gathered": lambda queue: queue.send_personal(PHONE, "bill", key="k"),
    "many": lambda queue: queue.send_quick_many([one("code", "k")])[0],
    "campaign": lambda queue: queue.send_bulk(
        [PersonalMessage(name="Bills", texts=[(PHONE, "You owe 5")])], key="k"
    ),
}


def one(text: str, key: str) -> QuickMessage:
    return QuickMessage(phone=PHONE, text=text, key=key)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_call_has_stored_is_on_the_replica_when_it_returns(
    careful: SmsQueue, servers: tuple[RedisServer, RedisServer], way: str
) -> None:
    some_id = str(WAYS[way](careful))
    with Redis(port=servers[1].port) as replica:
        kind = "job" if not some_id.startswith("c") else "campaign"
        assert replica.exists(f"smsq:{kind}:{some_id.partition('.')[0]}")


@pytest.mark.parametrize("way", WAYS)
def test_no_refusal_of_the_wait_is_taken_for_nothing_stored(
    careful: SmsQueue, servers: tuple[RedisServer, RedisServer], way: str
) -> None:
    with Redis(port=servers[0].port) as admin:
        admin.execute_command("ACL", "SETUSER", "sms", "on", ">q", "~*", "&*", "+@all", "-wait")
    queue = connect(f"redis://sms:q@127.0.0.1:{servers[0].port}/0")
    with pytest.raises(QueueUnavailableError, match="repeat with the same key") as caught:
        WAYS[way](queue)

    assert caught.value.may_be_stored
    assert sum(careful.stats().jobs.values()) == 1
    queue.close()


def test_a_conflict_does_not_end_a_call_before_the_others_are_safe(
    careful: SmsQueue, servers: tuple[RedisServer, RedisServer]
) -> None:
    careful.send_quick(PHONE, "one text", key="a")
    messages = [one("another text", "a"), one("fine", "b")]
    with Redis(port=servers[1].port) as replica:
        replica.execute_command("REPLICAOF", "NO", "ONE")  # nobody follows any more
        with pytest.raises(QueueUnavailableError):
            careful.send_quick_many(messages)
        replica.replicaof("127.0.0.1", servers[0].port)
    with Redis(port=servers[0].port) as primary:
        wait_until(lambda: primary.wait(1, 100), "the replica follows again")
    with pytest.raises(KeyConflictError):
        careful.send_quick_many(messages)

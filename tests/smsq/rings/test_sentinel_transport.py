"""The broker is the primary that the newest sentinel names; connections to another are left."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kombu
import pytest
from kombu.asynchronous import Hub
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from smsq.names import Queue, Task
from smsq.rings.rings import Rings, make_celery
from smsq.store import primary
from tests.sentinels import Disputed, disputed
from tests.support import RedisServer, wait_until

pytestmark = [pytest.mark.real_redis, pytest.mark.long]

NAMESPACE = "shop"
PASSWORD = "p@ss:/;#"
KEY = f"{NAMESPACE}:{Queue.NORMAL}"


@pytest.fixture
def brokers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disputed]:
    monkeypatch.setattr(primary, "ASK_EVERY_S", 0)
    with disputed(tmp_path) as started:
        yield started


@pytest.fixture
def rings(brokers: Disputed) -> Iterator[Rings]:
    made = Rings(brokers.url, NAMESPACE)
    yield made
    made.close()


def ring(rings: Rings) -> bool:
    return rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL)


def ask(server: RedisServer, *command: str) -> Any:
    with Redis(port=server.port, decode_responses=True) as client:
        return client.execute_command(*command)


def count(server: RedisServer) -> int:
    return int(ask(server, "LLEN", KEY))


def test_a_ring_goes_to_the_primary_that_the_newest_sentinel_names(
    brokers: Disputed, rings: Rings
) -> None:
    brokers.promote()
    assert ring(rings)
    assert rings.count_waiting(Queue.NORMAL) == 1

    assert (count(brokers.before), count(brokers.after)) == (0, 1)
    assert ask(brokers.before, "ROLE")[0] == ask(brokers.after, "ROLE")[0] == "master"


def test_a_producer_leaves_a_primary_of_before_that_still_takes_rings(
    brokers: Disputed, rings: Rings
) -> None:
    assert ring(rings)
    brokers.promote()
    assert ring(rings)

    assert (count(brokers.before), count(brokers.after)) == (1, 1)


@contextmanager
def in_thread(connection: kombu.Connection) -> Iterator[Callable[[], object]]:
    """One turn as Flower's thread makes it."""

    def turn() -> None:
        with suppress(socket.timeout):
            connection.drain_events(timeout=0.1)

    yield turn


@contextmanager
def in_loop(connection: kombu.Connection) -> Iterator[Callable[[], object]]:
    """One turn of a worker's loop."""
    hub = Hub()
    connection.register_with_event_loop(hub)
    hub.call_repeatedly(0.1, lambda: None)  # a worker has such timers
    loop = hub.create_loop()
    yield lambda: next(loop)
    loop.close()
    hub.close()


Turns = Callable[[kombu.Connection], AbstractContextManager[Callable[[], object]]]

COMMANDS = kombu.Exchange("commands", type="fanout")


@pytest.mark.parametrize("turns", [in_thread, in_loop])
def test_who_waits_at_a_primary_of_before_for_rings_and_commands_waits_at_the_next(
    brokers: Disputed, rings: Rings, turns: Turns
) -> None:
    heard: list[str] = []

    def hear(_: Any, message: Any) -> None:
        heard.append(message.delivery_info["exchange"])

    app = make_celery(brokers.url, NAMESPACE)
    with ExitStack() as stack:
        connection, other = (stack.enter_context(app.connection()) for _ in range(2))
        for queue in (kombu.Queue(Queue.NORMAL), kombu.Queue("mine", COMMANDS, auto_delete=True)):
            kombu.Consumer(connection, [queue], callbacks=[hear]).consume()
        go_on = stack.enter_context(turns(connection))

        def listen_until(holds: Callable[[], object], what: str) -> None:
            wait_until(lambda: go_on() or holds(), what)

        assert ring(rings)
        listen_until(lambda: heard == [""], "a ring is taken")
        listen_until(lambda: listeners(brokers.before) == 1, "commands are heard")
        brokers.promote()
        assert ring(rings)
        listen_until(lambda: heard == ["", ""], "a ring is taken at the next primary")
        listen_until(lambda: listeners(brokers.after) == 1, "commands are heard there")
        kombu.Producer(other, exchange=COMMANDS).publish({})
        listen_until(lambda: "commands" in heard, "a command is heard there")

        assert listeners(brokers.before) == 0
        assert "brpop" not in [each["cmd"] for each in clients(brokers.before)]
    app.close()


def clients(server: RedisServer) -> list[dict[str, str]]:
    with Redis(port=server.port, decode_responses=True) as client:
        return list(client.client_list())


def listeners(server: RedisServer) -> int:
    """How many hear commands; sentinels subscribe without a pattern."""
    return sum(int(each["psub"]) > 0 for each in clients(server))


def test_a_demoted_server_that_refuses_is_a_connection_to_be_made_anew(brokers: Disputed) -> None:
    """Kombu takes a refusal for a mistake in what was asked, and its loop would end."""
    app = make_celery(brokers.url, NAMESPACE)
    with app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        ask(brokers.before, "REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(RedisConnectionError):
            channel.client.lpush("x", "y")
    app.close()


def test_users_and_passwords_of_servers_and_sentinels_are_told(brokers: Disputed) -> None:
    servers = (brokers.before, brokers.after)
    for port in (*(one.port for one in servers), *(one.port for one in brokers.sentinels)):
        with Redis(port=port) as client:
            rights = ("on", f">{PASSWORD}", "~*", "&*", "+@all")
            client.execute_command("ACL", "SETUSER", "sms", *rights)
            client.execute_command("ACL", "SETUSER", "default", "off")
    word = quote(PASSWORD, safe="")
    login = f"sentinel_username=sms&sentinel_password={word}"
    url = f"{brokers.url}/2?{login}".replace("://", f"://sms:{word}@")
    rings = Rings(url, NAMESPACE)
    try:
        assert ring(rings)
        with Redis(port=brokers.before.port, db=2, username="sms", password=PASSWORD) as client:
            assert client.llen(KEY) == 1
    finally:
        rings.close()


def test_an_app_of_the_shops_own_keeps_kombus_transport(brokers: Disputed) -> None:
    own = make_celery(brokers.url, NAMESPACE)
    ours = own.connection_for_write()
    theirs = kombu.Connection(ours.as_uri(include_password=True))
    assert ours.as_uri().startswith("sentinel://")  # Flower goes by it
    assert ours.transport.__module__.startswith("smsq.")
    assert theirs.transport.__module__.startswith("kombu.")
    own.close()


def test_who_closes_leaves_no_connection_to_a_sentinel(brokers: Disputed) -> None:
    def count_ours() -> int:
        found = 0
        for one in brokers.sentinels:
            with Redis(port=one.port, decode_responses=True) as client:
                # Sentinels among themselves ask for other things.
                found += sum("get-master-addr" in each["cmd"] for each in client.client_list())
        return found

    rings = Rings(brokers.url, NAMESPACE)
    gc.disable()  # which would close what was forgotten
    try:
        assert ring(rings)
        assert count_ours() == 3
        rings.close()
        wait_until(lambda: count_ours() == 0, "they are closed")
    finally:
        gc.enable()

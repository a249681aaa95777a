"""A user of Redis that may not subscribe is told before a worker goes deaf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from redis import Redis

from smsq.rings.channels import find_channel_faults
from smsq.settings import Settings
from smsq.store.connection import connect
from tests.support import RedisServer

pytestmark = pytest.mark.real_redis

DATABASE = 3
#: As a worker was seen to subscribe.
EXACT = [f"&shop:/{DATABASE}.celery.pidbox", f"&shop:/{DATABASE}.celeryev/worker.*"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as started:
        yield started


def look(server: RedisServer, rights: Sequence[str], **more: str) -> Sequence[str]:
    """What is in the way of a user with these rights."""
    with Redis(port=server.port) as admin:
        admin.execute_command("ACL", "SETUSER", "sms", "reset", "on", ">q", "~*", *rights)
    url = f"redis://sms:q@127.0.0.1:{server.port}/{DATABASE}"
    settings = Settings.from_env({"SMSQ_REDIS_URL": url, "SMSQ_NAMESPACE": "shop", **more})
    redis = connect(url)
    try:
        return find_channel_faults(redis, settings)
    finally:
        redis.close()


@pytest.mark.parametrize("rights", [["&*"], EXACT])
def test_a_user_who_may_subscribe_is_taken(server: RedisServer, rights: Sequence[str]) -> None:
    assert not look(server, ["resetchannels", "+@all", *rights])


@pytest.mark.parametrize(
    "rights", [["&shop:*", "+@all"], ["+@all"], ["&*", "+@all", "-psubscribe"]]
)
def test_one_who_may_not_is_told_what_to_give(server: RedisServer, rights: Sequence[str]) -> None:
    [fault] = look(server, ["resetchannels", "+@all", *rights])
    assert fault.endswith("ACL SETUSER name &* +psubscribe")


def test_where_the_broker_is_another_server_nobody_subscribes_here(server: RedisServer) -> None:
    assert not look(server, ["resetchannels", "+@all"], SMSQ_BROKER_URL="amqp://rabbit")

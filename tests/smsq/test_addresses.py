"""Addresses: one of them, two clients, and nothing about it that surprises later."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Channel
from redis import Redis
from redis import connection as redis_py

from smsq import addresses
from smsq.errors import ConfigError
from smsq.names import Queue
from smsq.queue import SmsQueue
from smsq.settings import Settings

REDIS_EXAMPLE = "write an address like redis://127.0.0.1:6379/0"
BROKER_EXAMPLE = "write an address like redis://127.0.0.1:6379/0 or amqp://127.0.0.1"
PARSE = {"redis": addresses.redis_url, "broker": addresses.broker_url}

#: Options that one of the two clients knows, by whatever way; the arguments of its own classes.
OPTIONS = sorted(
    {
        *redis_py.URL_QUERY_ARGUMENT_PARSERS,
        *inspect.signature(redis_py.AbstractConnection.__init__).parameters,
        *inspect.signature(redis_py.Connection.__init__).parameters,
        *inspect.signature(redis_py.SSLConnection.__init__).parameters,
        *inspect.signature(redis_py.UnixDomainSocketConnection.__init__).parameters,
        *inspect.signature(redis_py.ConnectionPool.__init__).parameters,
        *inspect.signature(Redis.__init__).parameters,
        *inspect.signature(Connection.__init__).parameters,
        *Channel.from_transport_options,
        "foo",
    }
    - {"self"}
)


def refusal(parse: Callable[[str], object], text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - every word is looked at
        parse(text)
    assert type(caught.value) is ValueError
    assert "write " in str(caught.value) or "leave " in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "redis://127.0.0.1:6379/0",
        "redis://127.0.0.1",
        "redis://redis/",
        "rediss://user:p%40ss@redis.example:6380/15?ssl_cert_reqs=none",
        "redis://[::1]:6379/0",
        "unix:///run/redis.sock",
        "unix://:password@/run/redis.sock?db=1",
        "redis://127.0.0.1?client_name=shop&db=3",
    ],
)
def test_an_address_of_redis_is_kept_as_written(text: str) -> None:
    assert addresses.redis_url(text) == text
    assert addresses.broker_url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:6379",
        "localhost",
        "http://127.0.0.1",
        "redis://127.0.0.1:port/0",
        "redis://127.0.0.1:99999/0",
        "redis://127.0.0.1:0/0",
        "redis://127.0.0.1/jobs",  # redis-py would take database 0
        "redis://127.0.0.1/-1",
        "redis://127.0.0.1/0/1",
        "redis://[::1/0",
        "redis://a..b/0",  # no name, says the resolver, and not as an OSError
        f"redis://{'a' * 64}/0",
        "redis://h%00st/0",
        "redis://:\udcff@127.0.0.1/0",
        "REDIS://127.0.0.1/0",  # redis-py has no such address
        "unix://run/redis.sock",  # run would be a host
        "unix://",
        "unix:///run/a%00b.sock",
        f"unix:///{'a' * 120}",
    ],
)
def test_another_address_is_no_redis(text: str) -> None:
    assert refusal(addresses.redis_url, text) == REDIS_EXAMPLE


@pytest.mark.parametrize(
    "text",
    [
        "amqp://user:password@rabbit:5672/vhost",
        "amqp://one:5672//;amqp://two:5672//",
        "amqp://rabbit//?heartbeat=30",
        "amqps://rabbit",
        "pyamqp://rabbit//",
        "redis+socket:///run/redis.sock?virtual_host=2",
        "memory://",
    ],
)
def test_a_broker_is_a_redis_or_a_rabbitmq(text: str) -> None:
    assert addresses.broker_url(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "rabbit:5672",
        "foo://rabbit",
        "amqp:rabbit",
        "http://rabbit",
        "amqp://rabbit:99999",
        "amqp://rabbit//;redis://127.0.0.1",
        "amqp://",
        "redis+socket://host/run/redis.sock",
    ],
)
def test_another_address_is_no_broker(text: str) -> None:
    assert refusal(addresses.broker_url, text) == BROKER_EXAMPLE


def test_every_other_transport_of_kombus_is_refused_when_settings_are_read() -> None:
    """Each needs a library, an account or a name that we have no place for."""
    ours = {"amqp", "amqps", "pyamqp", "librabbitmq", "redis", "rediss", "memory"}
    for scheme in set(TRANSPORT_ALIASES) - ours:
        with pytest.raises(ConfigError, match="SMSQ_BROKER_URL: write an address like redis://"):
            Settings.from_env({"SMSQ_BROKER_URL": f"{scheme}://127.0.0.1"})


@pytest.mark.parametrize("name", ["SMSQ_REDIS_URL", "SMSQ_BROKER_URL"])
def test_sentinel_is_refused_with_a_word_about_it(name: str) -> None:
    with pytest.raises(ConfigError, match="sentinel:// is not supported yet"):
        Settings.from_env({name: "sentinel://one:26379;sentinel://two:26379"})


@pytest.mark.parametrize("kind", PARSE)
@given(
    text=st.text(max_size=30)
    | st.from_regex(r"(rediss?|unix|amqps?)://[a-z0-9.:/@?#&=;\[\]]{0,20}", fullmatch=True)
)
def test_any_text_is_an_address_or_is_told_what_to_write(kind: str, text: str) -> None:
    try:
        assert PARSE[kind](text) == text
    except ValueError as error:
        said = str(error)
        # A password in the wrong place must not come out: words are ours, or an option's name.
        assert said.startswith(("write ", "leave ", *OPTIONS)), said
        assert not text or said not in text


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_works_or_is_refused_when_settings_are_read(
    option: str, environ: dict[str, str], namespace: str
) -> None:
    """None may let a call store its job and then fail: the caller would repeat it."""
    for value in ("1", "2", "true", "x"):
        url = f"{environ['SMSQ_REDIS_URL'].removesuffix('/0')}?{option}={value}"
        try:
            queue = SmsQueue(settings=Settings.from_env({**environ, "SMSQ_REDIS_URL": url}))
        except ConfigError as error:
            assert "SMSQ_REDIS_URL: " in str(error)  # noqa: PT017
            continue
        job = queue.send_quick("+375291234567", "code", key=value)
        assert queue.status(job).state == "queued"
        assert queue._rings.count_waiting(Queue.NORMAL) == 1, "rung in the database of the ledger"
        queue._redis.delete(*queue._redis.keys(f"{namespace}:*"))
        queue.close()

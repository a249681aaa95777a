"""Addresses: one of them, two clients, and nothing about it that surprises later."""

from __future__ import annotations

import inspect
import os
import shutil
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Channel
from redis import Redis, exceptions
from redis import connection as redis_py

from config.celeryconfig import celery_options
from smsq.environment import addresses
from smsq.errors import ConfigError
from smsq.names import Queue, Task
from smsq.queue import SmsQueue
from smsq.rings.celery_app import OwnCelery
from smsq.rings.rings import Rings, make_celery
from smsq.settings import Settings
from smsq.store.connection import connect
from tests.support import RedisServer, ServerEndedError, free_port

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
    ours = {"amqp", "amqps", "pyamqp", "librabbitmq", "redis", "rediss", "sentinel", "memory"}
    for scheme in set(TRANSPORT_ALIASES) - ours:
        with pytest.raises(ConfigError, match="SMSQ_BROKER_URL: write an address like redis://"):
            Settings.from_env({"SMSQ_BROKER_URL": f"{scheme}://127.0.0.1"})


@pytest.mark.parametrize("name", ["SMSQ_REDIS_URL", "SMSQ_BROKER_URL"])
@pytest.mark.parametrize("text", ["sentinel://one:26379;sentinel://two:26379", "sentinels://one/m"])
def test_sentinels_written_as_elsewhere_are_refused_with_an_example(name: str, text: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: .*write .*sentinel://10.0.0.1:26379,"):
        Settings.from_env({name: text})


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
        assert queue._producer.rings.count_waiting(Queue.NORMAL) == 1, (
            "rung in the database of the ledger"
        )
        queue._producer.redis.delete(*queue._producer.redis.keys(f"{namespace}:*"))
        queue.close()


def test_events_are_read_whichever_protocol_an_address_may_ask_for(
    environ: dict[str, str],
) -> None:
    for protocol in ("2", "3"):
        url = f"{environ['SMSQ_REDIS_URL']}?protocol={protocol}"
        try:
            queue = SmsQueue(settings=Settings.from_env({**environ, "SMSQ_REDIS_URL": url}))
        except ConfigError as error:
            assert "protocol: write 2, or leave it out" in str(error)  # noqa: PT017
            continue
        job = queue.send_quick("+375291234567", "code")
        [event] = queue.events(group="shop", consumer="one", block_s=0.5, start="oldest")
        assert event.job_id == job  # type: ignore[union-attr]
        queue.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `cert` and `key`, which nobody signed."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on PATH")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls_redis(certificate: Path, tmp_path: Path) -> Iterator[int]:
    """The TLS port of a Redis with that certificate, and a password."""
    port = free_port()
    options = ["--tls-port", str(port), "--tls-auth-clients", "no"]
    for name in ("cert", "key"):
        options += [f"--tls-{name}-file", str(certificate / name)]
    options += ["--tls-ca-cert-file", str(certificate / "cert")]
    server = RedisServer(tmp_path, *options)
    try:
        server.start()
    except ServerEndedError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("this redis-server was built without TLS")
    with Redis(port=server.port) as admin:
        admin.config_set("requirepass", "hunter2")
    yield port
    server.stop()


@pytest.mark.long
@pytest.mark.real_redis
def test_no_password_is_sent_to_a_broker_whose_certificate_nobody_signed(
    tls_redis: int, certificate: Path
) -> None:
    """As the ledger's client refuses it: ring, worker and beat use one reading of the address."""
    url = f"rediss://:hunter2@127.0.0.1:{tls_redis}/0"
    trusted = f"{url}?ssl_ca_certs={certificate / 'cert'}"
    for address, is_taken in ((url, False), (trusted, True), (f"{url}?ssl_cert_reqs=none", True)):
        rings = Rings(address, "n")
        assert rings.ring(Task.SEND_QUICK, ["j1"], Queue.NORMAL) is is_taken
        rings.close()
        client = connect(address)
        if not is_taken:
            with pytest.raises(exceptions.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
                client.ping()
        else:
            assert client.ping()
        client.close()
        options = celery_options(Settings.from_env({"SMSQ_REDIS_URL": address}))
        app = OwnCelery("worker", set_as_current=False)
        app.conf.update(options)
        with app.connection_for_read() as connection:
            if is_taken:
                connection.connect()
            else:
                with pytest.raises(Exception, match="CERTIFICATE_VERIFY_FAILED"):
                    connection.connect()
        app.close()


@pytest.mark.parametrize("scheme", ["rediss", "amqps"])
@pytest.mark.parametrize(
    ("query", "cert_reqs"),
    [
        ("", ssl.CERT_REQUIRED),
        ("?ssl_cert_reqs=required", ssl.CERT_REQUIRED),
        ("?ssl_cert_reqs=optional", ssl.CERT_OPTIONAL),
        ("?ssl_cert_reqs=none", ssl.CERT_NONE),
    ],
)
def test_every_process_checks_a_brokers_certificate_unless_its_address_says_otherwise(
    scheme: str, query: str, cert_reqs: ssl.VerifyMode
) -> None:
    address = addresses.broker_url(f"{scheme}://127.0.0.1{query}")
    name = "ssl_cert_reqs" if scheme == "rediss" else "cert_reqs"
    worker = celery_options(Settings.from_env({"SMSQ_BROKER_URL": address}))
    producer = make_celery(address, "n")

    assert worker["broker_use_ssl"][name] == cert_reqs
    assert producer.conf.broker_use_ssl[name] == cert_reqs
    tls: Any = producer.connection_for_write().ssl
    assert tls[name] == cert_reqs
    if scheme == "amqps" and cert_reqs:
        assert worker["broker_use_ssl"]["server_hostname"] == "127.0.0.1"
    producer.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("ssl_cert_reqs=CERT_NONE", "ssl_cert_reqs: write none, optional or required"),
        ("ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs: write the path of a PEM file"),
        ("ssl_certfile=/nowhere/me.pem", "ssl_certfile: write the path of a PEM file"),
        ("ssl_keyfile=/nowhere/me.pem", "ssl_certfile: write the path of a PEM file"),
        ("ssl_min_version=1", "ssl_min_version: write 771"),
        ("ssl_ciphers=none-such", "ssl_ciphers: write names that OpenSSL knows"),
        ("socket_timeout=5", "leave socket_timeout out: smsq sets it itself"),
        ("retry_on_timeout=true", "leave retry_on_timeout out: smsq sets it itself"),
        ("db=1&db=2", "write each option after the question mark once"),
        ("db=", "db: write a whole number"),
        ("ssl_foo=1", "write no options after the question mark but client_name, db"),
    ],
)
def test_an_option_that_cannot_work_says_what_to_write(query: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^SMSQ_REDIS_URL: {said}"):
        Settings.from_env({"SMSQ_REDIS_URL": f"rediss://127.0.0.1/0?{query}"})


@pytest.mark.parametrize(
    ("address", "broker"),
    [
        ("redis://:p@127.0.0.1:6379/3", "redis://:p@127.0.0.1:6379/3"),
        ("redis://127.0.0.1?db=3&client_name=shop", "redis://127.0.0.1/3"),
        ("redis://127.0.0.1/1?health_check_interval=30", "redis://127.0.0.1/1"),
        ("rediss://h/0?ssl_cert_reqs=none&db=2", "rediss://h/2?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("unix:///run/redis.sock?client_name=shop", "redis+socket:///run/redis.sock"),
        ("unix://:p@/run/redis.sock?db=3", "redis+socket://:p@/run/redis.sock?virtual_host=3"),
        ("amqp://rabbit", "amqp://rabbit"),
        ("", ""),
    ],
)
def test_celery_gets_an_address_as_it_knows_it(address: str, broker: str) -> None:
    assert addresses.broker_of(address) == broker
    assert addresses.broker_of(broker) == broker

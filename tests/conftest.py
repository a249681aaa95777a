"""What every test may ask for: a Redis of its own, a namespace of its own, settings for both."""

from __future__ import annotations

import functools
import gc
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis.utils
from hypothesis import settings as hypothesis_settings
from kombu import pools
from redis import Redis
from redis.exceptions import RedisError

from smsq.operate import doctor
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.connection import connect
from smsq.store.scripts import Scripts
from smsq.testing.plugin import sms_gateway, sms_outbox  # noqa: F401 - where smsq is not installed anew
from tests import quick
from tests.certificates import SelfSigned, sign_oneself
from tests.postgres import Postgres, find_programs
from tests.support import (
    DEADLINE_S,
    RedisServer,
    forget,
    free_port,
    start_child,
    use_chosen_server,
    wait_until,
)

use_chosen_server()
HAS_REDIS = shutil.which("redis-server") is not None
HAS_POSTGRES = find_programs() is not None

#: Hypothesis' profile of `make chaos`.
DEEP = "deep"

# How long an example takes is the machine's: a loaded one must not make a test fail. Nor must an
# example that nobody has seen before: `make chaos` looks for those, all others try the same ones.
hypothesis_settings.register_profile("untimed", deadline=None, derandomize=True, max_examples=50)
hypothesis_settings.register_profile("quick", deadline=None, derandomize=True, max_examples=20)
hypothesis_settings.register_profile(DEEP, deadline=None, max_examples=1000)
hypothesis_settings.load_profile("untimed")


# redis reads its package's metadata for each connection, a millisecond long: tests make thousands.
redis.utils.get_lib_version = functools.cache(redis.utils.get_lib_version)


def is_deep() -> bool:
    """Whether this is a run for many examples; they may take their time."""
    return hypothesis_settings.get_current_profile_name() == DEEP


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--quick`, as `make quick` has it."""
    parser.addoption(
        "--quick", action="store_true", help="leave out long tests of what is as it was"
    )


def pytest_configure() -> None:
    """Have Ctrl-C reach what tests start; a shell hides it from what it runs in its background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a real server, tests that need one are skipped here and fail in CI."""
    if config.getoption("--quick"):
        quick.choose(items, config)
    for item in items if is_deep() else ():
        if item.get_closest_marker("machine"):
            item.add_marker(pytest.mark.timeout(3600), append=False)
    if os.environ.get("CI") == "true":
        return
    for item in items:
        if not HAS_REDIS and item.get_closest_marker("real_redis"):
            item.add_marker(pytest.mark.skip(reason="no redis-server on PATH"))
        if not HAS_POSTGRES and item.get_closest_marker("postgres"):
            item.add_marker(pytest.mark.skip(reason="no PostgreSQL: apt-get install postgresql"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector off thousands of tests and modules: they stay to the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def hasty_doctor() -> Iterator[None]:
    """Have the doctor wait briefly for workers: in nearly all tests there is none to answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "_INSPECT_TIMEOUT_S", 0.1)
        yield


@pytest.fixture
def patient_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the doctor wait for a worker of the test's."""
    monkeypatch.setattr(doctor, "_INSPECT_TIMEOUT_S", 1.0)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for this session: real where there is one, else fakeredis'."""
    if HAS_REDIS:
        with RedisServer(tmp_path_factory.mktemp("redis")) as server, patience(server.url):
            yield server.url
        return
    port = free_port()
    # A process of its own has a processor of its own, and its own bound of open files.
    fake = start_child([sys.executable, "-m", "smsq.cli.running.fake_redis", str(port)])
    url = f"redis://127.0.0.1:{port}/0"
    wait_until(lambda: is_up(url), "fakeredis answers")
    with patience(url):
        yield url
    fake.terminate()
    fake.wait()


@contextmanager
def patience(server: str) -> Iterator[None]:
    """Have clients in this process wait for a server: a busy machine is no hung Redis.

    What gives up soon is tested with servers of its own.
    """
    from_url = Redis.from_url

    def from_url_with_patience(url: str, **options: Any) -> Redis:
        if url.startswith(server.rpartition("/")[0]):
            options |= {"socket_timeout": DEADLINE_S, "socket_connect_timeout": DEADLINE_S}
        return from_url(url, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Redis, "from_url", from_url_with_patience)
        yield


def is_up(url: str) -> bool:
    """Whether a Redis answers."""
    redis = connect(url)
    try:
        return bool(redis.ping())
    except RedisError:
        return False
    finally:
        redis.close()


@pytest.fixture(scope="module", autouse=True)
def dropped_clients() -> Iterator[None]:
    """Close the connections of clients that tests dropped: fakeredis takes some 1,000.

    kombu keeps those of every namespace that a producer rang in.
    """
    yield
    if not HAS_REDIS:
        pools.reset()
        gc.collect()


@pytest.fixture
def namespace(redis_url: str) -> Iterator[str]:
    """A prefix of this test's own; its keys are gone afterwards."""
    name = f"t{uuid.uuid4().hex[:8]}"
    yield name
    client = connect(redis_url, timeout_s=10)
    forget(client, f"{name}:")
    client.close()


@pytest.fixture
def environ(redis_url: str, namespace: str) -> dict[str, str]:
    """Environment variables of a process on this test's Redis."""
    return {
        "SMSQ_REDIS_URL": redis_url,
        "SMSQ_NAMESPACE": namespace,
        "SMSQ_ALPHANAME_ID": "123",
        "SMSQ_GATEWAY_URL": "http://127.0.0.1:9",
        "SMSQ_GATEWAY_TOKEN": "simulator-token",
        # Many tests send to one phone, and abroad; the guards have tests of their own.
        "SMSQ_PER_PHONE": "0",
        "SMSQ_ALLOWED_REGIONS": "*",
        # Any port that is free.
        "SMSQ_ADMIN_LISTEN": "127.0.0.1:0",
    }


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    """The settings that `environ` makes."""
    return Settings.from_env(environ, needs_gateway=True)


@pytest.fixture
def queue(settings: Settings) -> Iterator[SmsQueue]:
    """A queue as a web app has it."""
    made = SmsQueue(settings=settings)
    yield made
    made.close()


@pytest.fixture
def scripts(settings: Settings) -> Iterator[Scripts]:
    """The ledger's scripts on Redis' clock."""
    redis = connect(settings.redis_url, timeout_s=10)
    yield Scripts.of(redis, settings)
    redis.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL for this session; each test makes a database of its own in it."""
    with Postgres() as server:
        yield server


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> SelfSigned:
    """A certificate for 127.0.0.1, and the file of whoever trusts it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on PATH")
    return sign_oneself(openssl, tmp_path_factory.mktemp("tls"))

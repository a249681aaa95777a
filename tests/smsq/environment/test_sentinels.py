"""Addresses of sentinels: what is read of them, what kombu gets, and what is told to write."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.environment import addresses
from smsq.environment.sentinels import celery_address, celery_options, read_sentinels
from smsq.errors import ConfigError
from smsq.rings.broker import broker_options, is_redis_broker
from smsq.settings import Settings

THREE = "sentinel://10.0.0.1:26379,10.0.0.2:26380,sentinel-c/mymaster/3"


def test_hosts_name_and_database_are_read() -> None:
    found = read_sentinels(THREE)

    assert found.hosts == [("10.0.0.1", 26379), ("10.0.0.2", 26380), ("sentinel-c", 26379)]
    assert (found.name, found.db) == ("mymaster", 3)
    assert found.login == found.sentinel_login == {}


@given(user=st.text(max_size=8), password=st.text(max_size=20), of_sentinels=st.text(max_size=20))
def test_any_password_can_be_written(user: str, password: str, of_sentinels: str) -> None:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    query = f"?sentinel_password={quote(of_sentinels, safe='')}" if of_sentinels else ""
    found = read_sentinels(f"sentinel://{login}@one,two/m{query}")
    told = urlsplit(celery_address(found).split(";")[1])

    assert found.login.get("username", "") == user
    assert found.login.get("password", "") == password
    assert found.sentinel_login.get("password", "") == of_sentinels
    assert (told.username or "", told.password or "") == (
        quote(user, safe=""),
        quote(password, safe=""),
    )


def test_no_password_is_shown() -> None:
    found = read_sentinels("sentinel://shop:hunter2@one/m?sentinel_password=hunter3")

    assert found.login["password"] == "hunter2"
    assert "hunter" not in repr(found)


def test_kombu_gets_an_address_for_each_sentinel_and_the_name_apart() -> None:
    found = read_sentinels("sentinel://:p%40ss@one,[::1]:5000/m/2?sentinel_password=q")

    assert celery_address(found) == "sentinel://:p%40ss@one:26379/2;sentinel://:p%40ss@[::1]:5000/2"
    assert celery_options(found)["master_name"] == "m"
    assert celery_options(found)["sentinel_kwargs"]["password"] == "q"


def test_one_address_is_enough_for_ledger_and_broker() -> None:
    settings = Settings.from_env({"SMSQ_REDIS_URL": THREE})

    assert settings.broker_url == settings.redis_url == THREE
    assert is_redis_broker(settings.broker_url)
    options = broker_options(settings.broker_url, "shop")
    assert (options["global_keyprefix"], options["master_name"]) == ("shop:", "mymaster")
    connection = addresses.broker_connection(settings.broker_url)
    assert connection["broker_url"].count("sentinel://") == 3


@pytest.mark.parametrize(
    "text",
    [
        "sentinel://",
        "sentinel://one",
        "sentinel:///mymaster",
        "sentinel://one:0/m",
        "sentinel://one:70000/m",
        "sentinel://one,,two/m",
        "sentinel://one/m/x",
        "sentinel://one/m/0/1",
        "sentinel://one /m",
        "sentinel://one/my master",
        "sentinel://one/m#x",
        "sentinel://one/m?socket_timeout=9",
        "sentinel://one/m?sentinel_password=",
        "sentinel://one/m?sentinel_password=a&sentinel_password=b",
    ],
)
def test_whatever_is_wrong_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(ConfigError, match="SMSQ_REDIS_URL: write "):
        Settings.from_env({"SMSQ_REDIS_URL": text})

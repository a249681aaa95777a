"""Settings: read once, all mistakes together, nothing falls back silently."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.environment.variables import SETTINGS
from smsq.errors import ConfigError
from smsq.models import OnUnknown
from smsq.settings import Settings

TOKEN = "eyJpdiI6IjJzOFlFcXBmOUZE"
GATEWAY = {"SMSQ_GATEWAY_URL": "https://gateway.example", "SMSQ_GATEWAY_TOKEN": TOKEN}


def mistakes_of(environ: dict[str, str], *, needs_gateway: bool = False) -> Sequence[str]:
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ, needs_gateway=needs_gateway)
    return caught.value.mistakes


def test_nothing_set_means_the_defaults() -> None:
    settings = Settings.from_env({})

    assert settings.redis_url == settings.broker_url == "redis://127.0.0.1:6379/0"
    assert settings.namespace == "smsq"
    assert (settings.rate_per_s, settings.burst, settings.poll_share) == (10, 1, 0.2)
    assert (settings.timeout_s, settings.max_attempts) == (15, 8)
    assert (settings.backoff_first_s, settings.backoff_max_s) == (1, 300)
    assert settings.on_unknown is OnUnknown.HOLD
    assert (settings.bulk_max_recipients, settings.page_rows) == (1000, 1000)
    assert (settings.poll_first_s, settings.poll_max_s) == (5, 43_200)
    assert (settings.poll_horizon_s, settings.retention_s) == (259_200, 2_592_000)
    assert (settings.timezone, settings.default_region) == ("Europe/Minsk", "BY")
    assert settings.gateway_url == settings.callback_url == settings.alphaname_id == ""
    assert not settings.keep_texts


def test_an_empty_value_means_the_default_too() -> None:
    assert Settings.from_env({s.name: "" for s in SETTINGS}) == Settings.from_env({})
    assert Settings.from_env({s.name: "  " for s in SETTINGS}) == Settings.from_env({})


def test_every_setting_has_its_field_and_its_meaning() -> None:
    fields = [field.name for field in dataclasses.fields(Settings)]

    assert [setting.field for setting in SETTINGS] == fields
    assert all(setting.meaning for setting in SETTINGS)


def test_values_are_read_into_their_types() -> None:
    settings = Settings.from_env(
        {
            "SMSQ_RATE_PER_S": " 0.5 ",
            "SMSQ_BURST": "3",
            "SMSQ_ON_UNKNOWN": "resend",
            "SMSQ_KEEP_TEXTS": "1",
            "SMSQ_BROKER_URL": "amqp://rabbit//",
            "SMSQ_ALPHANAME_ID": "123",
            "SMSQ_STATUS_MAP": "read=delivered,expired=pending",
        }
    )

    assert (settings.words["read"], settings.words["expired"]) == ("delivered", "pending")
    assert settings.words["sent"] == "sent"
    assert settings.rate_per_s == 0.5
    assert settings.burst == 3
    assert settings.on_unknown is OnUnknown.RESEND
    assert settings.keep_texts
    assert settings.broker_url == "amqp://rabbit//"
    assert settings.alphaname_id == "123"


def test_all_mistakes_are_told_together() -> None:
    mistakes = mistakes_of(
        {
            "SMSQ_REDIS_URL": "127.0.0.1:6379",
            "SMSQ_BROKER_URL": "rabbit",
            "SMSQ_RATE_PER_S": "0",
            "SMSQ_ALPHANAME_ID": "my shop",
            "SMSQ_TIMEZONE": "Minsk",
            "SMSQ_TIMEOUT": "30",
            "SMSQ_CALLBACK_SECRET": "short",
            "SMSQ_BACKOFF_FIRST_S": "400",
        },
        needs_gateway=True,
    )

    about = [mistake.split(":")[0].split()[0] for mistake in mistakes]
    assert about == [
        "SMSQ_TIMEOUT",
        "SMSQ_REDIS_URL",
        "SMSQ_BROKER_URL",
        "SMSQ_ALPHANAME_ID",
        "SMSQ_RATE_PER_S",
        "SMSQ_CALLBACK_SECRET",
        "SMSQ_TIMEZONE",
        "SMSQ_GATEWAY_TOKEN",
        "SMSQ_GATEWAY_URL",
        "SMSQ_BACKOFF_FIRST_S",
    ]
    assert all("write" in mistake for mistake in mistakes)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SMSQ_RATE_PERS", "SMSQ_RATE_PER_S"),
        ("SMSQ_RATE", "SMSQ_RATE_PER_S"),
        ("SMSQ_TIMEOUT", "SMSQ_TIMEOUT_S"),
        ("SMSQ_TIMEOUT_MS", "SMSQ_TIMEOUT_S"),
        ("SMSQ_REGION", "SMSQ_DEFAULT_REGION"),
        ("SMSQ_TOKEN", "SMSQ_GATEWAY_TOKEN"),
        ("SMSQ_GATEWAY_TOKN", "SMSQ_GATEWAY_TOKEN"),
        ("SMSQ_ALPHANAME", "SMSQ_ALPHANAME_ID"),
        ("SMSQ_RETENTION", "SMSQ_RETENTION_S"),
        ("SMSQ_BACKOFF", "SMSQ_BACKOFF_FIRST_S or SMSQ_BACKOFF_MAX_S"),
    ],
)
def test_a_misspelt_name_is_told_what_it_meant(name: str, meant: str) -> None:
    assert mistakes_of({name: "1"}) == (f"{name} is not a setting: write {meant}",)


@pytest.mark.parametrize(
    "name",
    [
        "SMSQ_PORT",
        "SMSQ_SERVICE_HOST",
        "SMSQ_PORT_6379_TCP_ADDR",
        "SMSQ_REDIS_SERVICE_HOST",
        "SMSQ_REDIS_PORT",
        "SMSQ_GATEWAY_PORT",
        "MY_SMSQ_RATE",
    ],
)
def test_what_an_orchestrator_puts_beside_is_left_alone(name: str) -> None:
    assert Settings.from_env({name: "1"}) == Settings.from_env({})


def test_the_token_is_read_where_the_gateway_is_needed() -> None:
    settings = Settings.from_env(GATEWAY, needs_gateway=True)

    assert settings.gateway_token == TOKEN
    assert settings.gateway_url == "https://gateway.example"


def test_the_token_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"\n  {TOKEN}\n")
    environ = {"SMSQ_GATEWAY_URL": "https://g.example", "SMSQ_GATEWAY_TOKEN_FILE": str(path)}

    assert Settings.from_env(environ, needs_gateway=True).gateway_token == TOKEN


def test_who_needs_no_gateway_never_reads_the_token(tmp_path: Path) -> None:
    path = tmp_path / "not-there"
    environ = {**GATEWAY, "SMSQ_GATEWAY_TOKEN_FILE": str(path)}

    settings = Settings.from_env(environ)

    assert settings.gateway_token == ""
    assert TOKEN not in str(dataclasses.asdict(settings))


def test_a_token_and_a_token_file_contradict_each_other(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN)

    assert mistakes_of({**GATEWAY, "SMSQ_GATEWAY_TOKEN_FILE": str(path)}, needs_gateway=True) == (
        "SMSQ_GATEWAY_TOKEN and SMSQ_GATEWAY_TOKEN_FILE are both set: keep one",
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "SMSQ_GATEWAY_TOKEN_FILE is an empty file: write what SMSQ_GATEWAY_TOKEN would hold"),
        (
            b" \n",
            "SMSQ_GATEWAY_TOKEN_FILE is an empty file: write what SMSQ_GATEWAY_TOKEN would hold",
        ),
        (b"one\ntwo", "SMSQ_GATEWAY_TOKEN_FILE: write printable ASCII characters on one line"),
        ("ключ".encode(), "SMSQ_GATEWAY_TOKEN_FILE: write printable ASCII characters on one line"),
        (b"\xff\xfe", "SMSQ_GATEWAY_TOKEN_FILE: cannot read it (UnicodeDecodeError)"),
        (None, "SMSQ_GATEWAY_TOKEN_FILE: cannot read it (FileNotFoundError)"),
    ],
)
def test_a_bad_token_file_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    environ = {"SMSQ_GATEWAY_URL": "https://g.example", "SMSQ_GATEWAY_TOKEN_FILE": str(path)}

    [mistake] = mistakes_of(environ, needs_gateway=True)
    assert mistake.startswith(said)
    assert "write" in mistake


def test_a_bad_token_is_told_without_being_shown() -> None:
    [mistake] = mistakes_of({**GATEWAY, "SMSQ_GATEWAY_TOKEN": "tök en"}, needs_gateway=True)

    assert mistake == "SMSQ_GATEWAY_TOKEN: write printable ASCII characters on one line"


@pytest.mark.parametrize("name", ["SMSQ_GATEWAY_CA_FILE", "SMSQ_WEBHOOK_CA_FILE"])
def test_certificates_that_cannot_be_read_are_told_to_who_needs_them(
    name: str, tmp_path: Path
) -> None:
    no_pem = tmp_path / "ca.pem"
    no_pem.write_text("-----BEGIN NOTHING-----")
    for path in (str(no_pem), str(tmp_path), str(tmp_path / "missing")):
        environ = {**GATEWAY, "SMSQ_GATEWAY_TOKEN": TOKEN, name: path}
        with pytest.raises(ConfigError) as caught:
            Settings.from_env(environ, needs_gateway=True, needs_webhook=True)

        (mistake,) = caught.value.mistakes
        assert mistake == f"{name}: write the path of a PEM file with certificates, readable here"
        # A web app has the same settings, and not the file.
        assert Settings.from_env(environ)


@pytest.mark.parametrize("name", ["SMSQ_GATEWAY_PROXY", "SMSQ_WEBHOOK_PROXY"])
def test_a_proxy_is_written_with_scheme_host_and_port(name: str) -> None:
    for good in ("http://hidden.example:3128", "http://me:hid%40den@[::1]:8080"):
        assert Settings.from_env({name: good})
    for bad in (
        "hidden.example:3128",
        "http://hidden.example",
        "http://hidden.example:port",
        "http://:3128",
        "https://hidden.example:3128",
        "socks5://hidden.example:1080",
        "http://hidden.example:3128/way?x=1",
        "http://me:hid den@hidden.example:3128",
    ):
        (mistake,) = mistakes_of({name: bad})
        assert mistake.startswith(
            f"{name}: write http://, host and port, as in http://proxy.example:3128"
        )
        assert bad not in mistake


def test_secrets_do_not_show() -> None:
    secrets = {
        "SMSQ_GATEWAY_PROXY": "http://me:hunter4@proxy.example:3128",
        "SMSQ_WEBHOOK_PROXY": "http://me:hunter5@proxy.example:3128",
        "SMSQ_GATEWAY_TOKEN": TOKEN,
        "SMSQ_CALLBACK_SECRET": "a-secret-of-24-characters",
        "SMSQ_REDIS_URL": "redis://:hunter2@127.0.0.1:6379/0",
        "SMSQ_BROKER_URL": "amqp://user:hunter3@rabbit//",
    }
    settings = Settings.from_env({**GATEWAY, **secrets}, needs_gateway=True)

    assert "https://gateway.example" in repr(settings)
    for secret in (TOKEN, "a-secret-of-24-characters", "hunter2", "hunter3", "hunter4", "hunter5"):
        assert secret not in repr(settings)
        assert secret not in str(settings)


def test_both_secrets_take_a_new_and_an_old_one() -> None:
    environ = {
        "SMSQ_CALLBACK_SECRET": "the new one of receipts, the old one of receipts",
        "SMSQ_WEBHOOK_SECRET": "whsec_bmV3IG5ldyBuZXcgbmV3,the old one of the webhook",
    }
    settings = Settings.from_env(environ)

    assert settings.callback_secrets == ["the new one of receipts", "the old one of receipts"]
    assert settings.webhook_secrets == ["whsec_bmV3IG5ldyBuZXcgbmV3", "the old one of the webhook"]
    assert Settings.from_env({}).callback_secrets == []


EXAMPLES = (
    "https://gateway.example",
    "https://shop.example/sms-news",
    "http://user:password@proxy.example:3128",
    "redis://127.0.0.1:6379/0",
    "Europe/Minsk",
    *(setting.name for setting in SETTINGS),
)


@given(
    st.sampled_from([setting.name for setting in SETTINGS]),
    st.text(min_size=8, max_size=40).filter(
        # Part of an example or a name that a mistake gives is no value repeated.
        lambda text: text.strip() == text and not any(text in example for example in EXAMPLES)
    ),
)
def test_no_mistake_repeats_a_value(name: str, value: str) -> None:
    # One setting alone is never enough for the gateway, so there are always mistakes.
    assert not any(value in mistake for mistake in mistakes_of({name: value}, needs_gateway=True))


@pytest.mark.parametrize(
    ("environ", "mistake"),
    [
        (
            {"SMSQ_CALLBACK_URL": "https://shop.example"},
            "SMSQ_CALLBACK_SECRET: SMSQ_CALLBACK_URL needs a secret that signs receipts",
        ),
        (
            {"SMSQ_CALLBACK_SECRET": "fifteen-letters"},
            "SMSQ_CALLBACK_SECRET: write 16 characters or more",
        ),
        (
            {"SMSQ_CALLBACK_SECRET": "sixteen letters or more,fifteen-letters"},
            "SMSQ_CALLBACK_SECRET: write 16 characters or more for each",
        ),
        (
            {"SMSQ_WEBHOOK_SECRET": "whsec_this is no base64"},
            "SMSQ_WEBHOOK_SECRET: write base64 after whsec_, or a secret that begins otherwise",
        ),
        (
            {"SMSQ_WEBHOOK_URL": "https://shop.example/news/?from=smsq"},
            "SMSQ_WEBHOOK_SECRET: SMSQ_WEBHOOK_URL needs a secret that signs what is posted",
        ),
        (
            {"SMSQ_WEBHOOK_SECRET": "fifteen-letters"},
            "SMSQ_WEBHOOK_SECRET: write 16 characters or more",
        ),
        (
            {
                "SMSQ_WEBHOOK_URL": "https://shop.example",
                "SMSQ_WEBHOOK_SECRET": "a-secret-of-24-characters",
                "SMSQ_EVENTS_KEEP_S": "0",
            },
            "SMSQ_EVENTS_KEEP_S is 0: SMSQ_WEBHOOK_URL needs events: write 60 or more",
        ),
        (
            {"SMSQ_BACKOFF_FIRST_S": "10", "SMSQ_BACKOFF_MAX_S": "5"},
            "SMSQ_BACKOFF_FIRST_S is above SMSQ_BACKOFF_MAX_S: write a smaller one",
        ),
        (
            {"SMSQ_POLL_FIRST_S": "3601", "SMSQ_POLL_HORIZON_S": "3600"},
            "SMSQ_POLL_FIRST_S is above SMSQ_POLL_HORIZON_S: write a smaller one",
        ),
        (
            {"SMSQ_POLL_FIRST_S": "10", "SMSQ_POLL_MAX_S": "5"},
            "SMSQ_POLL_FIRST_S is above SMSQ_POLL_MAX_S: write a smaller one",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_told(
    environ: dict[str, str], mistake: str
) -> None:
    assert mistakes_of(environ) == (mistake,)


def test_the_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMSQ_NAMESPACE", "shop")

    assert Settings.from_env().namespace == "shop"


def test_a_socket_is_written_for_celery_as_celery_wants_it() -> None:
    settings = Settings.from_env({"SMSQ_REDIS_URL": "unix:///run/redis.sock?db=2"})

    assert settings.redis_url == "unix:///run/redis.sock?db=2"
    assert settings.broker_url == "redis+socket:///run/redis.sock?virtual_host=2"
    assert Settings.from_env({}).on_redis(settings.redis_url) == settings


def test_an_address_given_in_code_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="redis_url: write an address like redis://"):
        Settings.from_env({}).on_redis("127.0.0.1:6379")

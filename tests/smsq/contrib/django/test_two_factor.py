"""django-two-factor-auth asks for a code, and smsq sends it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, override_settings
from two_factor.plugins.phonenumber.models import PhoneDevice

import smsq
from smsq.contrib.django.two_factor import Gateway
from tests.smsq.contrib.django.shop.models import User
from tests.smsq.contrib.django.stored import find_stored
from tests.smsq.test_frames import frames_behind
from tests.support import free_port

pytestmark = pytest.mark.usefixtures("smsq_settings", "db")

NUMBER = "+375291234567"
LOGIN = "/two-factor/account/login/"


@pytest.fixture
def device() -> Any:
    user = User.objects.create_user("a", password="secret")
    return PhoneDevice.objects.create(user=user, name="default", number=NUMBER, method="sms")


def log_in() -> Any:
    step = {"auth-username": "a", "auth-password": "secret", "login_view-current_step": "auth"}
    return Client().post(LOGIN, step)


@pytest.fixture
def nowhere() -> Any:
    url = f"redis://127.0.0.1:{free_port()}/0"
    with override_settings(SMSQ={"REDIS_URL": url, "ALPHANAME_ID": "123"}):
        yield


def test_a_login_sends_an_urgent_code_that_the_device_takes(device: Any) -> None:
    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"]):
        assert log_in().status_code == 200

    [stored] = find_stored()
    code = stored.text.removeprefix("Your code is ")
    assert (stored.phone, stored.priority, stored.expires_in_s) == (NUMBER[1:], "urgent", 150)
    assert device.verify_token(code)


def test_a_code_that_is_asked_for_twice_is_sent_once(
    device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    for _ in range(2):
        Gateway().send_sms(device, "123456")
    Gateway().send_sms(device, "654321")

    assert sorted(stored.text for stored in find_stored()) == [
        "Your code is 123456",
        "Your code is 654321",
    ]


def test_at_a_login_an_outage_leaves_the_page_with_the_other_ways(
    device: Any, nowhere: None, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.ModelBackend"]):
        assert log_in().status_code == 200

    assert "a code is not queued" in caplog.text


def test_while_a_device_is_set_up_an_outage_is_raised(nowhere: None) -> None:
    with pytest.raises(smsq.QueueUnavailableError) as caught:
        Gateway().send_sms(PhoneDevice(number=NUMBER, method="sms"), "123456")
    for place, variables in frames_behind(caught.value):
        assert "123456" not in str(variables), place


def test_a_call_is_refused_with_what_to_do() -> None:
    with pytest.raises(NotImplementedError, match="TWO_FACTOR_CALL_GATEWAY"):
        Gateway().make_call(PhoneDevice(number=NUMBER, method="call"), "123456")

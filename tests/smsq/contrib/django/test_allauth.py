"""django-allauth signs up and logs in by phone, and smsq sends the codes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

from smsq.contrib.django.allauth import AccountAdapter
from tests.smsq.contrib.django.shop.models import Customer, User
from tests.smsq.contrib.django.stored import find_stored
from tests.support import free_port

pytestmark = pytest.mark.usefixtures("smsq_settings", "db")

NUMBER = "+375291234567"


def ask_for_code(client: Client, phone: str = NUMBER) -> Any:
    return client.post("/accounts/login/code/", {"phone": phone})


@pytest.fixture
def user() -> User:
    made: User = User.objects.create(username="a", phone=NUMBER, phone_verified=True)
    return made


def test_a_login_by_code_works(user: User) -> None:
    client = Client()
    assert ask_for_code(client).status_code == 302
    [stored] = find_stored()
    assert (stored.phone, stored.priority, stored.expires_in_s) == (NUMBER[1:], "urgent", 180)
    code = stored.text.removeprefix("Your code is ")

    client.post("/accounts/login/code/confirm/", {"code": code})

    assert client.session["_auth_user_id"] == str(user.pk)


def test_a_sign_up_keeps_the_phone_and_verifies_it() -> None:
    client = Client()
    client.post("/accounts/signup/", {"phone": NUMBER})
    [stored] = find_stored()
    code = stored.text.removeprefix("Your code is ")
    assert not User.objects.get(phone=NUMBER).phone_verified

    client.post("/accounts/phone/verify/", {"code": code})

    assert User.objects.get(phone=NUMBER).phone_verified


def test_who_has_no_account_reads_so_and_nobody_else_does() -> None:
    assert ask_for_code(Client()).status_code == 302
    [stored] = find_stored()
    assert "no account" in stored.text


def test_who_has_an_account_already_reads_so(user: User) -> None:
    Client().post("/accounts/signup/", {"phone": NUMBER})

    [stored] = find_stored()
    assert "already" in stored.text


def test_a_phone_that_is_none_is_the_forms_mistake() -> None:
    answer = ask_for_code(Client(), "+375291")

    assert answer.status_code == 200
    assert b"Enter a phone number" in answer.content
    assert find_stored() == []
    with pytest.raises(ValidationError):
        AccountAdapter().clean_phone("+375290000000000")


def test_an_outage_is_answered_with_503(user: User) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    with override_settings(SMSQ={"REDIS_URL": url, "ALPHANAME_ID": "123"}):
        assert ask_for_code(Client()).status_code == 503


def test_a_phone_of_a_phone_field_is_one_of_characters_to_allauth() -> None:
    class OfCustomers(AccountAdapter):
        phone_field = "mobile"
        verified_field = "is_known"

    adapter, customer = OfCustomers(), Customer(mobile=NUMBER)
    customer.is_known = True
    assert adapter.get_phone(customer) == (NUMBER, True)
    customer.mobile = ""
    assert adapter.get_phone(customer) is None

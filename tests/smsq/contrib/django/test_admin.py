"""The admin's campaign: shown with its costs first, sent once, to whom it can be sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client, override_settings

from smsq.contrib.django import sms
from tests.smsq.contrib.django.shop.models import Customer, Order, User
from tests.support import free_port

pytestmark = pytest.mark.usefixtures("smsq_settings", "db")

PATH = "/admin/shop/customer/"
TEXT = "Half price today"


@pytest.fixture
def customers() -> list[Customer]:
    phones = ["+375 29 123-45-67", "80291234567", "+375291234568", "12", ""]
    return [Customer.objects.create(name=f"c{n}", phone=p) for n, p in enumerate(phones)]


def client_of(*permissions: str) -> Client:
    user = User.objects.create_user("seller", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def seller() -> Any:
    backends = ["django.contrib.auth.backends.ModelBackend"]
    with override_settings(AUTHENTICATION_BACKENDS=backends):
        yield client_of("view_customer", "send_sms_customer")


def choose(rows: Any, **posted: Any) -> dict[str, Any]:
    selected = [str(row.pk) for row in rows]
    return {"action": "send_sms", "_selected_action": selected, "select_across": "0", **posted}


def hidden(page: Any) -> dict[str, str]:
    """What the page's form posts again."""
    form = page.content.decode().partition('id="smsq-send"')[2].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        fields = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if fields["type"] in {"hidden", "text"} and fields["name"] != "_selected_action":
            found[fields["name"]] = fields.get("value", "")
    return found


def preview(client: Client, rows: Any, text: str = TEXT, path: str = PATH) -> Any:
    first = client.post(path, choose(rows))
    return client.post(path, choose(rows) | hidden(first) | {"text": text, "preview": "Preview"})


def cell(page: Any, name: str) -> str:
    [found] = re.findall(rf'id="smsq-{name}">([^<]*)<', page.content.decode())
    return str(found)


def said(answer: Any) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def test_it_is_shown_first_and_nothing_is_sent(seller: Client, customers: list[Customer]) -> None:
    page = preview(seller, customers, "Привет, " * 10)

    assert (cell(page, "recipients"), cell(page, "parts")) == ("2", "2 (UCS2)")
    assert (cell(page, "all-parts"), cell(page, "left-out")) == ("4", "3")
    assert "1234567" not in page.content.decode()
    assert sms.campaigns() == []


def test_what_was_shown_is_sent_and_a_second_click_sends_nothing_more(
    seller: Client, customers: list[Customer]
) -> None:
    page = preview(seller, customers)
    confirmed = choose(customers) | hidden(page) | {"text": TEXT, "send": "Send"}

    first, second = (seller.post(PATH, confirmed) for _ in range(2))

    [campaign] = sms.campaigns()
    assert "messages to 2 recipients" in said(first)
    assert "Left out: 3." in said(first)
    assert "phone +375*******67 occurs twice" in said(first)
    assert f"already: campaign {campaign.id}" in said(second)
    phones = sorted(recipient.phone for recipient in sms.recipients(campaign.id))
    assert phones == ["375291234567", "375291234568"]
    assert "1234567" not in said(first)
    [entry] = LogEntry.objects.all()
    assert campaign.id in entry.change_message


def test_a_text_that_was_not_shown_is_shown_before_it_is_sent(
    seller: Client, customers: list[Customer]
) -> None:
    page = preview(seller, customers)

    other = seller.post(PATH, choose(customers) | hidden(page) | {"text": "Other", "send": "Send"})

    assert cell(other, "recipients") == "2"
    assert hidden(other)["previewed"] == "Other"
    assert sms.campaigns() == []


def test_the_same_page_with_another_text_sends_nothing_more(
    seller: Client, customers: list[Customer]
) -> None:
    page = preview(seller, customers)
    confirmed = choose(customers) | hidden(page) | {"send": "Send"}
    seller.post(PATH, confirmed | {"text": TEXT})

    again = seller.post(PATH, confirmed | {"text": "Other", "previewed": "Other"})

    assert "sent already, with another text" in said(again)
    assert len(sms.campaigns()) == 1


def test_all_rows_of_a_filter_are_those_of_the_filter(
    seller: Client, customers: list[Customer]
) -> None:
    Customer.objects.update(name="loyal")
    Customer.objects.create(name="other", phone="+375291234569")
    path = f"{PATH}?name=loyal"
    everybody = {"select_across": "1"}
    first = seller.post(path, choose(customers[:2], **everybody))
    assert first.content.decode().count('name="_selected_action"') == 1

    posted = choose(customers[:1], **everybody) | hidden(first)
    page = seller.post(path, posted | {"text": TEXT, "preview": "Preview"})

    assert cell(page, "recipients") == "2"


@pytest.mark.parametrize("text", ["", "x" * 2000])
def test_a_text_that_cannot_be_sent_is_the_forms_mistake(
    text: str, seller: Client, customers: list[Customer]
) -> None:
    page = preview(seller, customers, text)

    assert b"errorlist" in page.content
    assert b"smsq-recipients" not in page.content


def test_an_outage_keeps_the_page_and_says_that_send_is_safe(
    seller: Client, customers: list[Customer]
) -> None:
    page = preview(seller, customers)
    confirmed = choose(customers) | hidden(page) | {"text": TEXT, "send": "Send"}
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    with override_settings(SMSQ={"REDIS_URL": nowhere, "ALPHANAME_ID": "123"}):
        answer = seller.post(PATH, confirmed)

    assert answer.status_code == 200
    assert "nobody gets it twice" in answer.content.decode()
    assert hidden(answer)["once"] == hidden(page)["once"]
    seller.post(PATH, confirmed)
    assert len(sms.campaigns()) == 1


def test_without_the_permission_there_is_no_action(customers: list[Customer]) -> None:
    backends = ["django.contrib.auth.backends.ModelBackend"]
    with override_settings(AUTHENTICATION_BACKENDS=backends):
        client = client_of("view_customer", "change_customer", "delete_customer")
        page = client.get(PATH)
        client.post(PATH, choose(customers, text=TEXT, previewed=TEXT, send="Send", once="1"))

    assert b"send_sms" not in page.content
    assert sms.campaigns() == []


def test_phones_may_be_of_a_related_row_and_of_a_phone_field(seller: Client) -> None:
    customer = Customer.objects.create(name="A", mobile="+375291234567")
    order = Order.objects.create(customer=customer)
    User.objects.update(is_superuser=True)

    page = preview(seller, [order], path="/admin/shop/order/")

    assert cell(page, "recipients") == "1"

"""Words about the account close a gate; words about one message, or of our own, do not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.account import find_rule
from smsq.errors import GatewayError, RefusedError
from smsq.gateway.answers import Answer, read_bulk, read_quick

ACCOUNT = [
    "Invalid token",
    "token is expired",
    "Invalid API key",
    "Account is blocked",
    "Your account was suspended",
    "Insufficient funds",
    "Not enough money for all recipients",
    "Please top up your balance",
    "Неверный токен",
    "Неверный API ключ",
    "Ключ API недействителен",
    "Аккаунт заблокирован",
    "Недостаточно средств на балансе",
    "Пополните счёт",
    "Нет денег на счету",
]
#: Of one message, whoever else sends.
MESSAGE = [
    "missing key 'phones' in message",
    'missing key: "text"',
    "unknown key «phone» in delivery_list",
    "unknown token {name} in text",
    "invalid token %code% of the template",
    "recipient's account is blocked",
    "Viber account is blocked",
    "subscriber has insufficient funds",
    "the number's balance is empty",
    "неверный ключ 'phones' в сообщении",
    "Аккаунт получателя заблокирован",
    "Учётная запись абонента заблокирована",
    "Недостаточно средств абонента",
    "Wrong alphaname. Check it is correct and approved.",
]
#: How a gateway repeats what we sent.
ECHOES = [
    "cannot send {}",
    "bad name '{}'",
    'alphaname "{}" is not approved',
    "«{}»: не одобрено",
    "{}: wrong schedule_time",
]
SPELLINGS = [str, str.upper, str.lower, str.title]


def closes_alone(failure: GatewayError) -> bool:
    rule = find_rule(failure)
    return rule is not None and rule.different == 1


def read(
    status: int, said: str, *, names: tuple[str, ...] = (), secrets: tuple[str, ...] = ()
) -> GatewayError:
    body = json.dumps({"error": said}).encode()
    answer = Answer(status=status, body=body, names=names, secrets=secrets)
    quick, bulk = read_quick(answer), read_bulk(answer)
    assert isinstance(quick, GatewayError)
    assert type(quick) is type(bulk)
    return quick


@pytest.mark.parametrize("said", ACCOUNT)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_words_about_the_account_are_nobodys_refusal_and_need_two_jobs(
    status: int, said: str
) -> None:
    failure = read(status, said)
    rule = find_rule(failure)

    assert rule is not None
    assert rule.different == 2


@pytest.mark.parametrize("said", [words for words in ACCOUNT if "oken" in words or "ключ" in words])
def test_words_about_the_token_beside_401_close_at_once(said: str) -> None:
    assert closes_alone(read(401, said))
    assert closes_alone(read(403, said))


@pytest.mark.parametrize("said", MESSAGE)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_words_about_one_message_refuse_that_one(status: int, said: str) -> None:
    assert type(read(status, said)) is RefusedError


@given(
    status=st.sampled_from([200, 400, 422]),
    echo=st.sampled_from(ECHOES),
    ours=st.sampled_from([*ACCOUNT, "Too many requests", "Top up", "try again later"]),
    spell=st.sampled_from(SPELLINGS),
)
def test_what_repeats_a_name_says_nothing_whatever_its_words(
    status: int, echo: str, ours: str, spell: type[str]
) -> None:
    failure = read(status, echo.format(spell(ours)), names=(ours,))

    assert type(failure) is RefusedError


@given(
    status=st.sampled_from([200, 400, 422]),
    echo=st.sampled_from(ECHOES),
    ours=st.sampled_from([*ACCOUNT, "Too many requests", "try again later"]),
    spell=st.sampled_from(SPELLINGS),
    rest=st.text(max_size=2000),
)
def test_what_repeats_a_text_says_nothing_even_where_it_is_cut(
    status: int, echo: str, ours: str, spell: type[str], rest: str
) -> None:
    text = f"Dear client! {ours}. {rest}"
    failure = read(status, echo.format(spell(text)), secrets=(text,))

    assert type(failure) is RefusedError


def test_too_many_requests_for_one_phone_wait_and_close_nothing_alone() -> None:
    assert not closes_alone(read(400, "too many requests for this phone"))
    assert not closes_alone(read(200, "слишком много запросов на этот номер"))
    assert closes_alone(read(429, "too many requests"))

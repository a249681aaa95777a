"""What a failing answer means: the tables of statuses and of words. Pure.

In:  an HTTP status, and the gateway's reason. Out: the class of the failure.

Words that mean "token", "no money", "busy" or "later" are what they mean, whatever the status. They
are sought in the gateway's own words alone: what repeats the request was taken out before. Words
about one recipient, or about a field of the request, are not about the account.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from smsq.errors import (
    BusyError,
    GatewayError,
    MisconfiguredError,
    NoMoneyError,
    RefusedError,
    TemporaryError,
    UnknownOutcomeError,
)

#: Statuses of an acceptance, when its proof is there.
SUCCESSES = range(200, 300)

#: What a status means, as in docs/gateway.md. 408 says that the request did not arrive whole.
#: 502 and 504 are a proxy's words: the gateway behind it may have the message. A status in no row
#: is judged by its hundred.
ANSWERS: Mapping[int, type[GatewayError]] = MappingProxyType(
    {
        401: MisconfiguredError,
        402: NoMoneyError,
        403: MisconfiguredError,
        404: MisconfiguredError,
        407: MisconfiguredError,  # a proxy's: our name and password for it are wrong
        408: TemporaryError,
        429: BusyError,
        502: UnknownOutcomeError,
        504: UnknownOutcomeError,
        **dict.fromkeys(range(520, 530), UnknownOutcomeError),
    }
)
ANSWERS_BY_HUNDRED: Mapping[int, type[GatewayError]] = MappingProxyType(
    {
        2: UnknownOutcomeError,  # without a proof in it
        3: MisconfiguredError,  # redirects are not followed: our address is wrong
        4: RefusedError,
        5: TemporaryError,
    }
)

#: Statuses that are about who asks. Words about the token beside another may be about one message.
ABOUT_ACCOUNT = frozenset({401, 403})

#: Words that speak of one recipient, in the singular: "not enough for all recipients" does not.
_ABOUT_RECIPIENT = re.compile(
    r"\b(recipient|subscriber|addressee|receiver|viber)\b"
    r"|\b(абонент|получател|адресат)([^\Wыи]|ом|ем)?\b"
    r"|\b(phone|number|msisdn)['\u2019]s\b",
    re.IGNORECASE,
)

#: Words that name a part of the request: a key 'phones', a token {name} in the text. A token in
#: quotes is ours.
_ABOUT_FIELD = re.compile(
    r"\b(key|ключ)\w* ?:? ?['\"`«\u201c\u2018]|['\"`»\u201d\u2019] (key|ключ)\b"
    r"|\b(token|key|токен|ключ)\w* ?:? ?['\"`«\u201c\u2018]?[{%#<\[]"
    r"|\b(token|key)s? (\S+ )?(in|of|for) (the |this |your |an? )?"
    r"(message|text|template|delivery|body|json|request|object|item|row)"
    r"|(токен|ключ)\w* (\S+ )?(в|из|для) (\w+ )?(сообщени|текст|шаблон|запрос|объект|тел)",
    re.IGNORECASE,
)

#: Regular expressions for words, the first that is found decides. Case does not matter.
WORDS: Sequence[tuple[type[GatewayError], str]] = (
    (
        MisconfiguredError,
        r"\b(invalid|wrong|unknown|incorrect|bad|expired|missing) (api[ _-]?)?(token|key)\b"
        r"|\b(token|api[ _-]?key) (… )?(is |was |has )?(invalid|wrong|unknown|incorrect|expired"
        r"|missing|not found|not valid|revoked)\b"
        r"|\baccount (is |was )?(blocked|suspended|disabled|locked)\b"
        r"|(невер|неправильн|недействительн|неизвестн|не найден)\w* (api[ -])?(токен|ключ)"
        r"|(токен|ключ)\w* (api )?(невер|неправильн|недействител|не найден|истек|истёк)"
        r"|(аккаунт|уч[её]тная запись)\w* (заблокирован|отключ)",
    ),
    (
        NoMoneyError,
        r"\b(insufficient|not enough|no|low|negative|zero|out of) (\w+ )?"
        r"(funds?|money|balance|credits?)\b"
        r"|\b(funds|money|balance|credits?) (\w+ ){0,2}(insufficient|exhausted|negative|zero|empty"
        r"|low|exceeded|not enough|not sufficient|used up)\b"
        r"|\bpayment required\b|\btop[ -]?up\b"
        r"|недостаточно (\w+ )?(средств|денег|баланс)|(не хватает|нет) (\w+ )?(средств|денег)"
        r"|(средств|денег|баланс\w*|сч[её]т\w*) (\w+ ){0,2}(недостаточн|не хватает|исчерпан"
        r"|отрицательн|нулев|пуст|закончил)|пополните|недастаткова (сродкаў|грошай)",
    ),
    (
        BusyError,
        r"\btoo many requests\b|\brequests? (rate )?limit|\brate[ -]?limit|\bthrottl"
        r"|\b(server|system|service|gateway) (\w+ )?(busy|overloaded)\b|\btoo (fast|often)\b"
        r"|слишком (много запросов|част)|(лимит|частот)\w* запросов"
        r"|(сервер|систем|сервис)\w* (занят|перегружен)",
    ),
    (
        TemporaryError,
        r"\b(try|retry|repeat)\b.{0,30}\blater\b|\btry again\b|\btemporar(y|ily)\b.{0,20}"
        r"\b(unavailable|error|failure|problem)\b"
        r"|\b(service|server|system|gateway) (\w+ )?unavailable\b"
        r"|\b(under|scheduled) maintenance\b"
        r"|(попробуйте|повторите|попытайтесь)\b.{0,30}\b(позже|позднее|снова)|временно недоступ"
        r"|технически\w+ работ",
    ),
)
_WORDS = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in WORDS]

#: Words that a 2xx without "error" is judged by: who says so took nothing. Others may be a remark.
_PLAIN = (MisconfiguredError, NoMoneyError)


def read_words(reason: str) -> type[GatewayError] | None:
    """Say what the gateway's words mean, None when the status alone decides."""
    words = reason.replace("_", " ")
    kind = next((kind for kind, pattern in _WORDS if pattern.search(words)), None)
    if kind is MisconfiguredError and _ABOUT_FIELD.search(words):
        return None
    return None if kind in _PLAIN and _ABOUT_RECIPIENT.search(words) else kind


def judge(status: int, reason: str, *, says_error: bool) -> tuple[type[GatewayError], bool]:
    """Say what an answer without proof of acceptance means.

    Args:
        status: HTTP's.
        reason: The gateway's words, cleaned.
        says_error: Whether they stood there as an error.

    Returns:
        The class of failure, and whether the words said so.
    """
    by_status = ANSWERS.get(status) or ANSWERS_BY_HUNDRED.get(status // 100, UnknownOutcomeError)
    by_words = read_words(reason)
    is_success = status in SUCCESSES
    if is_success and not says_error and by_words not in _PLAIN:
        return UnknownOutcomeError, False
    if by_words is not None and (by_status is not UnknownOutcomeError or is_success):
        return by_words, True
    return (RefusedError if is_success else by_status), False

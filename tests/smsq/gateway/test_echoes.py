"""What a gateway repeats of a request is found, however it spells it and however much was sent."""

from __future__ import annotations

import html
import json
import time
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.gateway.answers import Answer, read_quick
from smsq.gateway.echoes import repeats, spell, take_names_out
from smsq.gateway.reasons import clean_reason
from smsq.models import QuickAccepted

TEXTS = [
    f"Анна {n}, скидка 30% на все товары до воскресенья! Ваш код K{n:06d}, ждём вас снова"
    for n in range(20_000)
]
SPELLINGS = [
    str,
    str.upper,
    str.lower,
    quote_plus,
    html.escape,
    lambda text: json.dumps(text)[1:-1],
    lambda text: html.escape(json.dumps(text)[1:-1]),
    lambda text: json.dumps(json.dumps(text))[1:-1],
    lambda text: quote_plus(quote_plus(text)),
    lambda text: "".join(f"&#{ord(c)};" for c in text),
    lambda text: html.escape("".join(f"&#x{ord(c):x};" for c in text)),
    lambda text: "".join(f"<b>{html.escape(c)}</b>" for c in text),
    lambda text: "\u200b".join(text),
    lambda text: text.encode().decode("latin-1"),
]
words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=12, max_size=60)


@given(
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    secret=words,
    others=st.lists(words, max_size=5),
    spell=st.sampled_from(SPELLINGS),
)
def test_no_piece_of_ours_stays_in_any_spelling(
    before: str, after: str, secret: str, others: list[str], spell: object
) -> None:
    assert callable(spell)
    reason = clean_reason(f"{before}{spell(secret)}{after}", [*others, secret])
    folded = reason.casefold()

    whole = secret.casefold()
    assert not [i for i in range(len(whole) - 7) if whole[i : i + 8] in folded]


@given(
    text=st.text(min_size=8, max_size=200),
    at=st.integers(0, 191),
    others=st.lists(st.text(max_size=30), max_size=4),
)
def test_any_eight_characters_in_a_row_are_found_wherever_they_stand(
    text: str, at: int, others: list[str]
) -> None:
    at = min(at, len(text) - 8)

    assert repeats(f"no: {text[at : at + 8]}", [*others, text])


def test_what_only_shares_short_words_is_no_repetition() -> None:
    assert not repeats("Wrong alphaname. Check it", ["a check of it: wrong name"])


def test_names_are_taken_out_to_judge_the_rest() -> None:
    assert take_names_out("'TOP_UP' and top up: no", ["top_up"]) == "'…' and …: no"
    assert take_names_out("this is it: hi", ["hi"]) == "this is it: …"


def test_a_reason_beside_20_000_texts_is_cleaned_in_a_moment() -> None:
    """Of 1.6 million characters none is looked at twice; it took ten times as long."""
    started_s = time.process_time()
    clean_reason("Wrong alphaname. Check it is correct and approved.", TEXTS)
    took_s = time.process_time() - started_s
    started_s = time.process_time()
    sum(len({text[i : i + 8] for i in range(len(text) - 7)}) for text in TEXTS)

    assert took_s < (time.process_time() - started_s) / 2


@pytest.mark.parametrize(
    "code", ["4821", "482193", "48213977", "K4Q8Z7", "A-4821", "48-21", "4 8 2 1"]
)
@pytest.mark.parametrize(
    "say",
    [
        "BAD TEXT: YOUR CODE IS {code}",
        "VASH KOD {code} NE PRINYAT",
        "error near '{code}'",
        "{code}",
        "code={code}&x=1",
        "1{code}9",
        "wrong: {entities}",
        "wrong: {escaped}",
        "wrong: {quoted}",
        "wrong: {spaced}",
    ],
)
def test_a_code_of_the_text_is_masked_whatever_stands_around_it(code: str, say: str) -> None:
    entities = "".join(f"&#{ord(c)};" for c in code)
    escaped = "".join(f"\\u{ord(c):04x}" for c in code)
    quoted = "".join(f"%{ord(c):02x}" for c in code)
    said = say.format(
        code=code, entities=entities, escaped=escaped, quoted=quoted, spaced="-".join(code)
    )
    reason = clean_reason(said, [f"Ваш код: {code}. Спасибо", "375291234567"])

    for shown in spell(reason):
        left = "".join(c for c in shown if c.isdecimal())
        assert "".join(c for c in code if c.isdecimal()) not in left or len(left) < 4
        assert code not in shown


@given(
    code=st.text("0123456789", min_size=4, max_size=8),
    before=st.text(max_size=30),
    after=st.text(max_size=30),
)
def test_no_code_stays_in_a_reason(code: str, before: str, after: str) -> None:
    reason = clean_reason(f"{before}{code}{after}", [f"Code {code}"])

    assert code not in reason


def test_numbers_that_are_not_ours_stay() -> None:
    text = "Код 4821, скидка 30% до 24.11"

    assert clean_reason("Error 1007: 30 of 120 parts", [text]) == "Error 1007: 30 of 120 parts"


def test_a_status_that_repeats_a_code_does_not_show_it() -> None:
    body = b'{"sms_id": 5, "status": "SENT: YOUR CODE 4821"}'
    accepted = read_quick(Answer(status=200, body=body, secrets=("Kod 4821",)))

    assert isinstance(accepted, QuickAccepted)
    assert accepted.gateway_status == "SENT: YOUR CODE ****"


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        ("ACCEPTED", "ACCEPTED"),
        ("delivered", "delivered"),
        ("OK 4821", "OK ****"),
        ("K4Q8", "****"),
    ],
)
def test_a_status_of_one_word_stays_though_a_text_has_it(status: str, kept: str) -> None:
    body = json.dumps({"sms_id": 5, "status": status}).encode()
    text = "Your order is accepted, will be delivered on Monday: code 4821, K4Q8"
    accepted = read_quick(Answer(status=200, body=body, secrets=(text,)))

    assert isinstance(accepted, QuickAccepted)
    assert accepted.gateway_status == kept

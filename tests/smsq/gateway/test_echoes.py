"""What a gateway repeats of a request is found, however it spells it and however much was sent."""

from __future__ import annotations

import html
import json
import time
from urllib.parse import quote_plus

from hypothesis import given
from hypothesis import strategies as st

from smsq.gateway.echoes import repeats, take_names_out
from smsq.gateway.reasons import clean_reason

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

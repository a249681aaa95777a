"""`smsq parts`: what a text costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.smsq.cli.conftest import Smsq

Json = Callable[..., Any]


def test_a_text_is_counted_with_what_makes_it_long(smsq_json: Json) -> None:
    assert smsq_json("parts", "Your code is 4821") == {
        "parts": 1,
        "encoding": "gsm7",
        "places": 17,
        "forces_ucs2": [],
        "two_places": [],
        "smart_text_parts": 1,
    }
    told = smsq_json("parts", "Don\u2019t pay 5 €" + "!" * 60)
    assert (told["parts"], told["encoding"], told["places"]) == (2, "ucs2", 73)
    assert told["smart_text_parts"] == 1
    assert told["forces_ucs2"] == [
        {"character": "\u2019", "name": "right single quotation mark", "at": 4}
    ]


def test_stdin_is_read_and_nothing_is_asked_of_redis(smsq_json: Json) -> None:
    down = {"SMSQ_REDIS_URL": "redis://127.0.0.1:1/0"}

    told = smsq_json("parts", "-", stdin="{}\n", **down)

    assert (told["parts"], told["places"]) == (1, 4)
    assert [row["at"] for row in told["two_places"]] == [1, 2]


def test_a_person_reads_it_in_words(smsq: Smsq) -> None:
    assert smsq("parts", "5 €").stdout == (
        "1 part in GSM7, 4 of 160 places used\ntakes two places: €  euro sign, at 3\n"
    )
    shown = smsq("parts", "Ваш код подтверждения " * 40).stdout
    assert "too long: the gateway takes 10 parts at most" in shown
    assert "forces UCS-2: and " in shown
    assert "1 part" not in shown
    assert smsq("parts", "").stdout.startswith("0 parts")

"""Every text is there in both languages; numbers, times and plurals are each language's own."""

from __future__ import annotations

import importlib
import pkgutil
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

import worker.page.words
from smsq.models import JobState, RecipientState
from smsq.names import QUEUES
from worker.page.language import WORDS, choose_language, find_incomplete, language_of
from worker.page.pages import PAGES

FOLDER = Path(worker.page.words.__file__).parents[1]
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
EN, RU = language_of("en", "Europe/Minsk"), language_of("ru", "Europe/Minsk")


def test_every_word_is_there_in_both_languages_with_the_same_values() -> None:
    assert find_incomplete(WORDS) == []
    assert find_incomplete({"x.a": ("one",), "x.b": ("one", " "), "x.c": ("{n}", "{m}")}) == [
        *("x.a", "x.b", "x.c")
    ]


def test_words_of_every_file_are_known_and_stand_once() -> None:
    names = [found.name for found in pkgutil.iter_modules(worker.page.words.__path__)]
    files = [importlib.import_module(f"worker.page.words.{name}").WORDS for name in names]

    assert sum(len(words) for words in files) == len(WORDS)
    assert {key for words in files for key in words} == set(WORDS)


def test_russian_words_are_russian_and_english_ones_english() -> None:
    for key, (english, russian) in WORDS.items():
        if key == "frame.language":
            english, russian = russian, english
        russian = re.sub(r"\{.*?\}", "", russian)
        assert not re.search("[а-яё]", english, re.IGNORECASE), key
        assert re.search("[а-яё]", russian, re.IGNORECASE) or not re.search("[a-z]{4}", russian), (
            key
        )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_words_of_its_own(path: Path) -> None:
    """What people read comes from `t(...)`; only the product's name stands in templates."""
    text = re.sub(
        r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&\w+;", " ", path.read_text(), flags=re.S
    )
    assert set(re.findall(r"[^\W\d_]+", text)) <= {"smsq", "doctype", "html"}
    told = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"{]+)"', path.read_text())
    assert told == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_every_key_that_a_template_names_is_a_word(path: Path) -> None:
    tree = Environment(autoescape=True).parse(path.read_text())
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "t":
            first = call.args[0]
            if isinstance(first, nodes.Const):
                assert first.value in WORDS, first.value


def test_every_state_class_and_page_has_its_word() -> None:
    wanted = [f"state.{state}" for state in (*JobState, *RecipientState)]
    wanted += [f"class.{queue}" for queue in QUEUES]
    wanted += [f"menu.{page.name}" for page in PAGES]

    assert not set(wanted) - set(WORDS)


def test_no_word_is_there_for_nobody() -> None:
    sources = [*FOLDER.rglob("*.py"), *TEMPLATES]
    text = "".join(path.read_text() for path in sources if path.parent.name != "words")
    prefixes = set(re.findall(r"[\"'](\w+\.)[\"'] ?~|f[\"'](\w+\.)\{", text))
    for key in WORDS:
        is_built = any(key.startswith(tuple(filter(None, found))) for found in prefixes)
        assert is_built or f'"{key}"' in text or key.startswith("said."), key


@pytest.mark.parametrize(
    ("n", "english", "russian"),
    [
        (0, "0 jobs", "0 задач"),
        (1, "1 job", "1 задача"),
        (3, "3 jobs", "3 задачи"),
        (11, "11 jobs", "11 задач"),
        (21, "21 jobs", "21 задача"),
        (1234567, "1,234,567 jobs", "1\u00a0234\u00a0567 задач"),
    ],
)
def test_numbers_and_plurals(n: int, english: str, russian: str) -> None:
    assert f"{EN.number(n)} {EN.noun('jobs', n)}" == english
    assert f"{RU.number(n)} {RU.noun('jobs', n)}" == russian


@pytest.mark.parametrize(
    ("seconds", "english", "russian"),
    [
        (0, "0 ms", "0 мс"),
        (0.084, "84 ms", "84 мс"),
        (2.54, "2.5 s", "2,5 с"),
        (59.9, "1 min", "1 мин"),
        (200, "3 min 20 s", "3 мин 20 с"),
        (7500, "2 h 5 min", "2 ч 5 мин"),
        (90_000, "1 d 1 h", "1 д 1 ч"),
    ],
)
def test_durations(seconds: float, english: str, russian: str) -> None:
    assert EN.duration(seconds).replace("\u00a0", " ") == english
    assert RU.duration(seconds).replace("\u00a0", " ") == russian


def test_times_are_in_the_zone_of_the_settings() -> None:
    at = datetime(2026, 11, 27, 21, 30, 5, 123456, tzinfo=UTC)

    assert EN.time(at, precise=True) == "2026-11-28 00:30:05.123"
    assert RU.time(at) == "28.11.2026 00:30:05"


@pytest.mark.parametrize(
    ("cookie", "accept", "chosen"),
    [
        ("", "", "en"),
        ("", "ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("", "de-DE,de;q=0.9", "en"),
        ("", "en;q=0.3,ru;q=0.7", "ru"),
        ("", "be,ru;q=0.9,en;q=0.8", "ru"),
        ("", "ru;q=0, en;q=0.1", "en"),
        ("en", "ru", "en"),
        ("xx", "ru;q=oops, en", "en"),
    ],
)
def test_the_language_is_what_was_switched_to_or_what_the_browser_wants(
    cookie: str, accept: str, chosen: str
) -> None:
    assert choose_language(cookie, accept) == chosen

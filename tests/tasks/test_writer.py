"""The writer: in order, all of it, whatever Redis does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tasks import writer
from tasks.writer import MAX_WAITING, PageWriter


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[PageWriter]:
    monkeypatch.setattr(writer, "OUTAGE_PAUSE_S", 0.01)
    made = PageWriter()
    yield made
    made.close()


def test_acts_are_done_in_the_order_in_which_they_came(pages: PageWriter) -> None:
    done: list[int] = []
    for n in range(5 * MAX_WAITING):
        pages.put(lambda n=n: done.append(n))  # type: ignore[misc]
    pages.flush()

    assert done == list(range(5 * MAX_WAITING))


def test_an_act_is_repeated_until_redis_is_back(pages: PageWriter) -> None:
    answers = iter([RedisConnectionError(), RedisConnectionError(), None])
    tried: list[int] = []

    def act() -> None:
        tried.append(1)
        if error := next(answers):
            raise error

    pages.put(act)
    pages.flush()

    assert len(tried) == 3


def test_an_act_that_fails_is_told_and_does_not_keep_the_next_from_being_done(
    pages: PageWriter, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []
    pages.put(lambda: 1 / 0)
    pages.put(lambda: done.append("next"))
    pages.flush()

    assert done == ["next"]
    assert "a page was not stored" in caplog.text


def test_what_was_put_is_done_before_the_end() -> None:
    done: list[int] = []
    made = PageWriter()
    for n in range(MAX_WAITING):
        made.put(lambda n=n: done.append(n))  # type: ignore[misc]
    made.close()

    assert len(done) == MAX_WAITING

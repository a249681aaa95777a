"""Of sentinels that disagree, the one that knows of the last failover is believed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis.sentinel import MasterNotFoundError

from smsq.environment.sentinels import SentinelAddress
from smsq.store import sentinels as room
from smsq.store.sentinels import Sentinels
from tests.sentinels import NAME, Lone, lone_sentinel
from tests.support import free_port

pytestmark = pytest.mark.real_redis

#: Nobody listens there: a sentinel names a primary that is away, too.
OLD, NEW = 7001, 7002


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as all_of_them:
        yield all_of_them


def start(stack: ExitStack, folder: Path, *told: tuple[int, int]) -> Sequence[Lone]:
    """Start one sentinel for each (epoch, port of the primary)."""
    return [
        stack.enter_context(lone_sentinel(folder, epoch=epoch, primary=primary))
        for epoch, primary in told
    ]


def client(stack: ExitStack, ports: Sequence[int]) -> Sentinels:
    address = SentinelAddress([("127.0.0.1", port) for port in ports], NAME)
    made = Sentinels(address, timeout_s=2)
    stack.callback(made.close)
    return made


def ask(made: Sentinels) -> int:
    return made.ask().primary[1]


def test_who_knows_the_last_failover_is_believed_wherever_it_stands(
    stack: ExitStack, tmp_path: Path
) -> None:
    first, second, newest = start(stack, tmp_path, (3, OLD), (3, OLD), (4, NEW))
    for ports in (
        [newest.port, first.port, second.port],
        [first.port, newest.port, second.port],
        [first.port, second.port, newest.port],
    ):
        made = client(stack, ports)
        assert ask(made) == NEW
        told = made.ask(for_replicas=True)
        assert (told.epoch, told.primary[1], list(told.replicas)) == (4, NEW, [])


def test_one_that_is_away_or_does_not_know_the_name_is_passed_over(
    stack: ExitStack, tmp_path: Path
) -> None:
    [knows] = start(stack, tmp_path, (1, NEW))
    made = client(stack, [free_port(), knows.port])
    assert ask(made) == NEW
    stranger = SentinelAddress([("127.0.0.1", knows.port)], "another")
    with pytest.raises(MasterNotFoundError):
        Sentinels(stranger, timeout_s=2).ask()


def test_a_minority_that_knows_less_than_was_known_is_not_believed(
    stack: ExitStack, tmp_path: Path
) -> None:
    behind, newest = start(stack, tmp_path, (3, OLD), (4, NEW))
    made = client(stack, [behind.port, newest.port, free_port()])
    assert ask(made) == NEW
    newest.process.kill()
    newest.process.wait()
    with pytest.raises(MasterNotFoundError):
        ask(made)


def test_sentinels_that_were_all_set_up_anew_are_believed(stack: ExitStack, tmp_path: Path) -> None:
    before = start(stack, tmp_path, (9, OLD), (9, OLD), (9, OLD))
    made = client(stack, [one.port for one in before])
    assert ask(made) == OLD
    for one in before[:2]:
        one.process.kill()
        one.process.wait()
        anew = lone_sentinel(tmp_path, epoch=0, primary=NEW, port=one.port)
        stack.enter_context(anew)
    before[2].process.kill()
    before[2].process.wait()

    assert ask(made) == NEW


def test_a_silent_one_is_left_out_for_a_while_and_heard_again(
    stack: ExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    [other] = start(stack, tmp_path, (3, OLD))
    monkeypatch.setattr(room, "SILENT_S", 3600)
    made = client(stack, [port, other.port])
    assert ask(made) == OLD
    stack.enter_context(lone_sentinel(tmp_path, epoch=4, primary=NEW, port=port))
    assert ask(made) == OLD

    # None of those that answered before does now: so the silent ones are asked, too.
    other.process.kill()
    other.process.wait()
    assert ask(made) == NEW

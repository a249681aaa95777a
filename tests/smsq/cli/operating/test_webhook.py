"""`smsq webhook`: what waits, what was given up, and posting it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, Settled, Webhooks
from smsq.names import Start
from tests.smsq.world import World

Smsq = Callable[..., Result]


@pytest.fixture
def dead(world: World) -> list[str]:
    """Two deliveries that were given up."""
    hooks = Webhooks(world.scripts, start=Start.OLDEST)
    ids = []
    for _ in range(2):
        world.enqueue()
        world.pass_s(10)
        hooks.collect()
        delivery = hooks.claim(lease_s=30)
        assert delivery is not None
        world.pass_s(GIVE_UP_MS / 1000 + 1)
        assert hooks.settle(delivery, Posted(Answer.FAILED, "status 500")) is Settled.DEAD
        ids.append(delivery.id)
    return ids


def test_what_was_given_up_is_listed(
    smsq: Smsq, smsq_json: Callable[..., Any], dead: list[str]
) -> None:
    listed = smsq_json("webhook", "list")

    assert listed["waiting"] == 0
    assert [row["id"] for row in listed["dead"]] == dead
    assert listed["dead"][0]["error"] == "status 500"
    assert (listed["dead"][0]["events"], listed["dead"][0]["attempts"]) == (1, 1)
    words = smsq("webhook", "list").stdout
    assert "waiting: 0; failed: 2" in words
    assert dead[0] in words


def test_one_is_replayed_by_its_id(smsq_json: Callable[..., Any], dead: list[str]) -> None:
    assert smsq_json("webhook", "replay", dead[1]) == {"replayed": 1}

    listed = smsq_json("webhook", "list")
    assert listed["waiting"] == 1
    assert [row["id"] for row in listed["dead"]] == dead[:1]


def test_all_are_replayed(smsq: Smsq, smsq_json: Callable[..., Any], dead: list[str]) -> None:
    assert smsq("webhook", "replay", "--all").stdout == "2 to be posted again\n"

    assert smsq_json("webhook", "list") == {
        "waiting": 2,
        "ended_since": None,
        "dead": [],
    }
    assert smsq_json("webhook", "replay", "--all") == {"replayed": 0}


def test_an_id_that_was_not_given_up_is_not_found(smsq_json: Callable[..., Any]) -> None:
    assert smsq_json("webhook", "replay", "1-0", exit_code=4)["error"]["type"] == "NotFoundError"


def test_replay_wants_ids_or_all(smsq_json: Callable[..., Any]) -> None:
    for args in ([], ["1-0", "--all"]):
        smsq_json("webhook", "replay", *args, exit_code=2)


def test_a_receiver_that_wants_no_posts_is_named_and_resumed(
    world: World, smsq: Smsq, smsq_json: Callable[..., Any]
) -> None:
    hooks = Webhooks(world.scripts, start=Start.OLDEST)
    world.enqueue()
    hooks.collect()
    delivery = hooks.claim(lease_s=30)
    assert delivery
    assert hooks.settle(delivery, Posted(Answer.GONE, "status 410")) is Settled.ENDED

    assert smsq_json("webhook", "list")["ended_since"] == "2023-11-14T22:13:20+00:00"
    assert "your receiver answered 410" in smsq("webhook", "list").stdout
    assert smsq_json("webhook", "resume") == {"resumed": True}
    assert smsq("webhook", "resume").stdout == "nothing was held up\n"
    assert smsq_json("webhook", "list")["ended_since"] is None

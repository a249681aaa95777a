"""Celery's options: the promises that a changed line would break."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from celery.app.defaults import NAMESPACES, flatten

from config.celeryconfig import RECOVER_EVERY_S, celery_options
from config.queues import TICK_QUEUE
from smsq import names
from smsq.rings.rings import Rings
from smsq.settings import Settings


@pytest.fixture
def options() -> dict[str, Any]:
    return celery_options(Settings.from_env({"SMSQ_NAMESPACE": "shop"}))


def test_every_option_is_one_that_celery_knows(options: dict[str, Any]) -> None:
    known: set[str] = set(dict(cast(Any, flatten(NAMESPACES))))

    assert set(options) <= known, set(options) - known


def test_the_broker_only_rings(options: dict[str, Any]) -> None:
    # Neither a redelivery nor a repeated publish may send an SMS twice, and nothing but JSON is
    # ever read from the broker.
    assert options["task_acks_late"] is False
    assert options["task_publish_retry"] is False
    assert options["task_ignore_result"] is True
    assert options["result_backend"] is None
    assert options["accept_content"] == [options["task_serializer"]] == ["json"]


def test_an_outage_of_any_length_ends_in_reconnecting(options: dict[str, Any]) -> None:
    assert options["broker_connection_max_retries"] is None
    assert options["broker_channel_error_retry"] is True
    assert options["broker_connection_retry_on_startup"] is True


def test_no_option_limits_or_delays_by_celerys_own_means(options: dict[str, Any]) -> None:
    assert not {"task_default_rate_limit", "task_annotations", "task_routes"} & set(options)
    for tick in options["beat_schedule"].values():
        assert not {"eta", "countdown"} & set(tick["options"])


def test_the_queues_are_the_names_most_urgent_first(options: dict[str, Any]) -> None:
    queues = options["task_queues"]
    assert tuple(queue.name for queue in queues) == names.QUEUES
    assert tuple(queue.routing_key for queue in queues) == names.QUEUES
    assert options["task_default_queue"] in names.QUEUES
    assert options["task_create_missing_queues"] is False
    assert TICK_QUEUE in names.QUEUES


def test_beat_ticks_both_tasks_and_no_clock_judges_a_tick(
    options: dict[str, Any],
) -> None:
    ticks = options["beat_schedule"]

    assert {tick["task"] for tick in ticks.values()} == {
        names.Task.RECOVER,
        names.Task.POLL_DELIVERIES,
    }
    for tick in ticks.values():
        assert tick["options"]["queue"] == TICK_QUEUE
        assert "expires" not in tick["options"]
    assert options["beat_max_loop_interval"] <= RECOVER_EVERY_S


def test_workers_and_producers_look_at_the_same_keys(options: dict[str, Any]) -> None:
    producer = Rings("redis://127.0.0.1:6379/0", "shop")
    prefix = producer._app.conf.broker_transport_options["global_keyprefix"]

    assert options["broker_transport_options"]["global_keyprefix"] == prefix == "shop:"
    producer.close()


def test_another_broker_gets_no_prefix_it_does_not_know() -> None:
    rabbit = celery_options(Settings.from_env({"SMSQ_BROKER_URL": "amqp://127.0.0.1//"}))

    assert rabbit["broker_url"] == "amqp://127.0.0.1//"
    assert "global_keyprefix" not in rabbit["broker_transport_options"]
    names_there = {queue.name for queue in rabbit["task_queues"]}
    assert names_there == {f"smsq:{queue}" for queue in names.QUEUES}
    ticks_to = {tick["options"]["queue"] for tick in rabbit["beat_schedule"].values()}
    assert ticks_to == {"smsq:poll"}
    assert rabbit["task_default_queue"] in names_there


def test_a_silent_rabbitmq_is_given_up_soon(options: dict[str, Any]) -> None:
    rabbit = celery_options(Settings.from_env({"SMSQ_BROKER_URL": "amqp://127.0.0.1//"}))

    assert 0 < rabbit["broker_heartbeat"] <= 5
    for name in ("read_timeout", "write_timeout"):
        assert 0 < rabbit["broker_transport_options"][name] <= 5
    # Celery would raise it again from the pool's threads, on the loop's connection.
    assert options["worker_enable_prefetch_count_reduction"] is False


def test_no_option_holds_the_gateways_token() -> None:
    environ = {
        "SMSQ_GATEWAY_URL": "http://127.0.0.1:9",
        "SMSQ_GATEWAY_TOKEN": "hunter2",
        "SMSQ_CALLBACK_URL": "http://127.0.0.1:8",
        "SMSQ_CALLBACK_SECRET": "hunter3-hunter3-hunter3",
    }
    options = celery_options(Settings.from_env(environ, needs_gateway=True))

    # Flower and `celery report` show them all.
    assert "hunter" not in json.dumps(options, default=repr)

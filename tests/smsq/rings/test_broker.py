"""Names on a broker that two installations share: nobody's rings and commands reach the other."""

from __future__ import annotations

import pytest

from config.celeryconfig import celery_options
from smsq.names import QUEUES, Queue
from smsq.rings.broker import exchange_options, name_queue, read_queue
from smsq.rings.rings import make_celery
from smsq.settings import Settings

RABBITMQ = "amqp://127.0.0.1//"
REDIS = "redis://127.0.0.1:6379/0"


def test_on_rabbitmq_the_namespace_stands_in_every_name() -> None:
    names = [name_queue(queue, RABBITMQ, "shop") for queue in QUEUES]

    assert names == ["shop:urgent", "shop:normal", "shop:bulk", "shop:poll"]
    assert all(name.startswith("shop:") for name in exchange_options(RABBITMQ, "shop").values())


def test_on_redis_the_prefix_of_keys_is_enough() -> None:
    assert [name_queue(queue, REDIS, "shop") for queue in QUEUES] == list(QUEUES)
    assert exchange_options(REDIS, "shop") == {}


@pytest.mark.parametrize("broker_url", [REDIS, RABBITMQ])
def test_a_name_leads_back_to_its_queue(broker_url: str) -> None:
    assert [read_queue(name_queue(queue, broker_url, "{a.b}")) for queue in Queue] == list(Queue)


@pytest.mark.parametrize("broker_url", [REDIS, RABBITMQ])
def test_doctor_and_workers_speak_on_the_same_exchanges(broker_url: str) -> None:
    environ = {"SMSQ_BROKER_URL": broker_url, "SMSQ_NAMESPACE": "shop"}
    workers = celery_options(Settings.from_env(environ))
    with make_celery(broker_url, "shop") as producer:
        for name in ("control_exchange", "event_exchange"):
            assert producer.conf[name] == workers.get(name, producer.conf[name])
            assert producer.conf[name].startswith("shop:") == (broker_url == RABBITMQ)

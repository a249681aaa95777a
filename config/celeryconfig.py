"""Celery's options, each with its reason. Facts named here were measured.

In:  `Settings`. Out: a mapping for `Celery.conf.update`.
"""

from __future__ import annotations

from typing import Any

from config.queues import TICK_QUEUE, list_queues
from smsq import names
from smsq.environment.addresses import broker_connection
from smsq.rings.broker import (
    broker_options,
    exchange_options,
    is_redis_broker,
    name_queue,
)
from smsq.rings.ticks import EVERY_S
from smsq.settings import Settings

#: A tick finds due jobs; it is cheap when there are none.
RECOVER_EVERY_S = POLL_EVERY_S = EVERY_S


def celery_options(settings: Settings) -> dict[str, Any]:
    """Build Celery's options."""
    is_redis = is_redis_broker(settings.broker_url)
    return {
        **_connection_options(settings),
        # JSON only: a pickle in the broker would run code.
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        # The ledger is the truth; results would be a second, leakier one.
        "task_ignore_result": True,
        "task_store_errors_even_if_ignored": False,
        "result_backend": None,
        # A ring is acknowledged when it is taken: a killed worker's jobs come back through the
        # ledger, never through a redelivery that could not know what was already sent.
        "task_acks_late": False,
        # Measured: a repeated publish puts the same task in the queue twice.
        "task_publish_retry": False,
        # worker/consume_strategy.py says when to take more; others hand out a few per thread.
        "worker_prefetch_multiplier": 0 if is_redis else 4,
        # Of tasks, which wake the engine; SMSQ_IN_FLIGHT says how many requests go at once.
        "worker_pool": "worker.pool:TaskPool",
        "worker_concurrency": 16,
        # Flower switches events on by itself; this makes its pages complete from the start.
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "task_queues": list_queues(settings),
        "task_default_queue": _name(names.Queue.NORMAL, settings),
        "task_create_missing_queues": False,
        "worker_enable_remote_control": True,
        "enable_utc": True,
        "timezone": "UTC",
        "beat_schedule": _ticks(_name(TICK_QUEUE, settings)),
        "beat_scheduler": "worker.beat:TickScheduler",
        # Nothing of beat's needs to survive: every tick is idempotent.
        "beat_max_loop_interval": 1,
    }


def _connection_options(settings: Settings) -> dict[str, Any]:
    """Where the broker is, and what happens when it is not."""
    return {
        **broker_connection(settings.broker_url),
        **exchange_options(settings.broker_url, settings.namespace),
        "broker_transport_options": _transport_options(settings),
        "broker_connection_retry": True,
        "broker_connection_retry_on_startup": True,
        # None means for ever: an outage of any length must end in reconnecting. How soon stands in
        # worker/reconnect.py.
        "broker_connection_max_retries": None,
        # A refusal of Redis (READONLY after a failover, MISCONF, OOM) is a channel error to kombu,
        # and would end the worker. A new connection finds the primary, or the end of the trouble.
        "broker_channel_error_retry": True,
        "worker_consumer": "worker.reconnect:PatientConsumer",
        # RabbitMQ alone has them: a connection that was silent for twice as long is given up.
        "broker_heartbeat": 5,
        # No task of ours is acknowledged late, so none is cancelled; False would be warned of.
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        # Celery raises the count again from threads of the pool, which read what the loop reads.
        # Measured: a connection to RabbitMQ that had come back was lost another seven times.
        "worker_enable_prefetch_count_reduction": False,
    }


def _transport_options(settings: Settings) -> dict[str, Any]:
    ours = _REDIS if is_redis_broker(settings.broker_url) else _RABBITMQ
    return broker_options(settings.broker_url, settings.namespace) | ours


#: Without a bound a publish waits for ever where a connection died without a word, and with it the
#: loop that would notice. Above the second that BRPOP waits.
_SILENT_S = 5

_REDIS = {
    # Rings are hints: a lost one is made good by recover. Keeping a copy of each until it is
    # acknowledged would cost eight commands a ring and gain nothing.
    "ack_emulation": False,
    # Urgency is a matter of the slot, not of the ring: see tasks/engine.py.
    "queue_order_strategy": "worker.consume_strategy:TicksFirst",
    # One list per queue; Celery's priorities are not used.
    "priority_steps": [0],
    "socket_keepalive": True,
    "socket_timeout": _SILENT_S,
    "socket_connect_timeout": _SILENT_S,
    # A BRPOP unanswered for a second more than this is dropped, at the next look.
    "health_check_interval": 4,
}

_RABBITMQ = {"read_timeout": _SILENT_S, "write_timeout": _SILENT_S}


def _name(queue: names.Queue, settings: Settings) -> str:
    return name_queue(queue, settings.broker_url, settings.namespace)


def _ticks(queue: str) -> dict[str, Any]:
    # Without `expires`: Celery would compare beat's clock with the worker's, and a worker some
    # seconds ahead dropped every tick. smsq/rings/ticks.py says which ones are superseded.
    options = {"queue": queue, "ignore_result": True}
    return {
        "recover": {
            "task": names.Task.RECOVER,
            "schedule": RECOVER_EVERY_S,
            "options": options,
        },
        "poll_deliveries": {
            "task": names.Task.POLL_DELIVERIES,
            "schedule": POLL_EVERY_S,
            "options": options,
        },
    }

"""Checks a deployment: settings, Redis, gateway, broker, workers, beat, and what has piled up.

In:  the environment. Out: checks, one by one, each with what to do; nothing here changes a job.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, cast

from redis import Redis
from redis.exceptions import RedisError

from smsq.environment.version import read_version
from smsq.errors import ConfigError
from smsq.events.webhooks import Webhooks
from smsq.names import QUEUES, Durability, Queue
from smsq.operate import checks, process_checks
from smsq.operate.checks import Check, Mark
from smsq.operate.gateway_check import check_gateway
from smsq.operate.web_check import check_web
from smsq.rings.channels import find_channel_faults
from smsq.rings.presence import name_gateway, read_gateway, read_presence, read_versions
from smsq.rings.rings import Rings, make_celery
from smsq.settings import Settings
from smsq.status.heartbeat_sms import read_heartbeat_sms
from smsq.status.views import Views
from smsq.store.agreement import find_differences
from smsq.store.clock import ledger_time
from smsq.store.connection import WORKER_TIMEOUT_S, connect
from smsq.store.durability import find_obstacle
from smsq.store.fitness import find_faults, try_write
from smsq.store.keys import Keys
from smsq.store.refusals import explain
from smsq.store.scripts import Scripts

#: Clocks further apart confuse whoever compares logs and times of sending.
CLOCK_SKEW_S = 5.0

_INSPECT_TIMEOUT_S = 1.0

_GATEWAY_SETTINGS = ("SMSQ_GATEWAY_URL", "SMSQ_GATEWAY_TOKEN", "SMSQ_GATEWAY_TOKEN_FILE")


def examine(environ: Mapping[str, str]) -> Iterator[Check]:
    """Look at everything; what cannot be without what failed is left out.

    Args:
        environ: As of the process to be checked. With the gateway's address or token in it, the
            gateway is asked too.
    """
    has_gateway = any(environ.get(name, "").strip() for name in _GATEWAY_SETTINGS)
    try:
        settings = Settings.from_env(environ, needs_gateway=has_gateway)
    except ConfigError as error:
        yield Check("settings", Mark.ERROR, "\n".join(error.mistakes), "fix them and try again")
        return
    yield Check("settings", Mark.OK, f"namespace {settings.namespace}")
    yield check_receiver(settings)
    yield check_gateway(settings)
    yield from check_web(settings)
    redis = connect(settings.redis_url)
    try:
        yield from _check_redis(redis, settings)
    finally:
        redis.close()


def check_receiver(settings: Settings) -> Check:
    """Look whether the gateway is told where to post receipts."""
    if settings.callback_url:
        return Check("receiver", Mark.OK, f"receipts come to {settings.callback_url}")
    return Check(
        "receiver",
        Mark.WARNING,
        "no receipts: message ids of bulk jobs stay unknown, and so does what became of them",
        "set SMSQ_CALLBACK_URL to the public address of the web process",
    )


def _check_redis(redis: Redis, settings: Settings) -> Iterator[Check]:
    started_s = time.monotonic()
    try:
        redis.ping()
    except (RedisError, OSError) as error:
        yield _fail("redis", error, "cannot be reached", "start Redis, or correct SMSQ_REDIS_URL")
        return
    latency_ms = (time.monotonic() - started_s) * 1000
    try:
        info: dict[str, Any] = redis.info()
    except RedisError:
        info = {}
    yield checks.check_answer(info, latency_ms)
    yield from check_fitness(redis, settings)
    yield from checks.check_redis_info(info)
    yield from checks.check_clients(info)
    yield from checks.check_replicas(info)
    yield from check_disk(redis, settings, has_log=info.get("aof_enabled") != 0)
    yield from check_celery(settings)
    try:
        yield from check_ledger(redis, settings)
    except RedisError as error:
        yield _fail("ledger", error, "failed while it was read", "look into Redis' log")


def check_ledger(redis: Redis, settings: Settings) -> Iterator[Check]:
    """Look at what the ledger says of clocks, processes and jobs."""
    keys = Keys(settings.namespace)
    views = Views(redis, keys)
    Scripts.of(redis, settings).look_at_format()
    yield check_clock(redis)
    yield check_polls(redis, keys)
    ages_s, versions = read_presence(redis, keys), read_versions(redis, keys)
    yield process_checks.check_workers(ages_s)
    yield from process_checks.check_versions(ages_s, versions, read_version())
    theirs = read_gateway(redis, keys)
    yield from process_checks.check_sandbox(theirs)
    if settings.gateway_url:
        mine = name_gateway(settings.gateway_url, is_sandbox=settings.sandbox)
        yield from process_checks.check_gateway_name(mine, theirs)
    yield process_checks.check_agreement(list(find_differences(redis, settings)))
    if settings.webhook_url:
        hooks = Webhooks(Scripts.of(redis, settings), url=settings.webhook_url)
        ended_at = hooks.ended_at() if hooks.has_ended() else None
        waiting, given_up = hooks.count_waiting(), len(hooks.dead())
        yield process_checks.check_webhook(waiting, given_up, ended_at)
    yield process_checks.check_beat(views.heartbeat_age_s())
    if settings.heartbeat:
        yield process_checks.check_heartbeat_sms(read_heartbeat_sms(redis, keys))
    yield from checks.check_stats(views.stats(settings.rate_per_s, settings.words))


def _fail(name: str, error: Exception, detail: str, fix: str) -> Check:
    """Say what Redis said and what to do; `detail` and `fix` are for one that said nothing."""
    if known := explain(error):
        return Check(name, Mark.ERROR, *known)
    return Check(name, Mark.ERROR, f"{detail} ({type(error).__name__})", fix)


def check_fitness(redis: Redis, settings: Settings) -> Iterator[Check]:
    """Look whether the server's version and the user's rights are enough for the ledger."""
    keys = Keys(settings.namespace)
    try:
        faults = find_faults(redis, keys.fitness) or find_channel_faults(redis, settings)
        yield from checks.check_fitness(faults)
        if not faults:
            try_write(redis, keys.fitness)
    except RedisError as error:
        yield _fail("server", error, "did not say what it can do", "try again")


def check_disk(redis: Redis, settings: Settings, *, has_log: bool) -> Iterator[Check]:
    """Look how soon writes reach the disk, where the server tells."""
    try:
        options = redis.config_get("appendfsync") | redis.config_get("repl-timeout")
    except RedisError:
        options = {}  # managed servers forbid CONFIG
    if has_log and (policy := options.get("appendfsync")):
        yield checks.check_fsync(policy)
    patient = connect(settings.redis_url, timeout_s=WORKER_TIMEOUT_S)
    levels = {"claims": settings.durable_claims, "enqueue": settings.durable_enqueue}
    if Durability.REPLICA in levels.values():
        yield from checks.check_repl_timeout(int(options.get("repl-timeout") or 0))
    try:
        for what, level in levels.items():
            if level is not Durability.NONE:
                obstacle = find_obstacle(patient, Keys(settings.namespace).disk, level)
                yield checks.check_durability(what, level, obstacle)
    except RedisError as error:
        yield _fail("durability", error, "did not say what it keeps", "try again")
    finally:
        patient.close()


def check_celery(settings: Settings) -> Iterator[Check]:
    """Ask the broker, and the workers on it which queues they take."""
    app = make_celery(settings.broker_url, settings.namespace)
    inspect = app.control.inspect(timeout=_INSPECT_TIMEOUT_S)
    try:
        answers = inspect.active_queues()
        # Where nobody answered, nobody is waited for again.
        stats = inspect.stats() if answers else None
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
        fix = "start it, or set SMSQ_BROKER_URL right"
        yield _fail("broker", error, "cannot be reached", fix)
        return
    finally:
        app.close()
    yield Check("broker", Mark.OK, "answers")
    yield process_checks.check_queues(answers or {})
    yield from check_rings(settings)
    yield from process_checks.check_visibility(stats or {})


def check_rings(settings: Settings) -> Iterator[Check]:
    """Count the rings that lie in the broker."""
    rings = Rings.of(settings)
    try:
        yield process_checks.check_rings({queue: rings.count_waiting(queue) for queue in QUEUES})
    except Exception as error:  # noqa: BLE001 - whatever the broker's client raises
        yield _fail("rings", error, "cannot be counted", "try again")
    finally:
        rings.close()


def check_polls(redis: Redis, keys: Keys) -> Check:
    """Count the polls that are due."""
    line = keys.ready(Queue.POLL)
    first = cast("list[tuple[str, float]]", redis.zrange(line, 0, 0, withscores=True))
    now_ms = ledger_time(redis, keys).now_ms
    oldest_s = max(0.0, (now_ms - first[0][1]) / 1000) if first else 0.0
    return process_checks.check_polls(int(str(redis.zcard(line))), oldest_s)


def check_clock(redis: Redis) -> Check:
    """Compare this machine's clock with Redis', which decides what is due."""
    seconds, micros = redis.time()
    skew_s = abs(time.time() - seconds - micros / 1e6)
    if skew_s <= CLOCK_SKEW_S:
        return Check("clock", Mark.OK, "agrees with Redis'")
    detail = f"{skew_s:.0f} s apart from Redis'"
    return Check("clock", Mark.WARNING, detail, "set both by NTP")

"""Doctor: each check says what was found and what to do."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from click.testing import CliRunner

from smsq.cli import main
from smsq.cli.looking.watch import say_gate
from smsq.domain.account import Endpoint
from smsq.errors import MisconfiguredError
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import Webhooks
from smsq.models import JobState
from smsq.names import QUEUES, Durability, Start
from smsq.operate import checks, doctor, gateway_check, process_checks
from smsq.operate.checks import Check, Mark
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Closure, Pace, Slot
from smsq.queue import SmsQueue
from smsq.rings.broker import broker_options
from smsq.rings.presence import Running
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.certificates import SelfSigned
from tests.smsq.gateway.proxy import refuse, relay
from tests.smsq.gateway.raw import answer, answering, raw_server
from tests.smsq.world import World
from tests.support import RedisServer, free_port


def look(environ: dict[str, str]) -> dict[str, Check]:
    return {check.name: check for check in doctor.examine(environ)}


@pytest.fixture
def gateway(environ: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A gateway that answers as told, and an environment that names it."""
    answer: dict[str, Any] = {"status": 200, "body": b'{"result": []}', "paths": []}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer["paths"].append(self.path)
            self.send_response(answer["status"])
            self.send_header("Content-Length", str(len(answer["body"])))
            self.end_headers()
            self.wfile.write(answer["body"])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    environ["SMSQ_GATEWAY_URL"] = f"http://127.0.0.1:{server.server_port}"
    yield answer
    server.shutdown()
    server.server_close()


def test_every_wrong_setting_is_told_and_nothing_else_is_looked_at(environ: dict[str, str]) -> None:
    found = look(environ | {"SMSQ_BURST": "0", "SMSQ_RATE_PER_S": "x"})

    assert list(found) == ["settings"]
    assert found["settings"].status is Mark.ERROR
    assert "SMSQ_BURST" in found["settings"].detail
    assert "SMSQ_RATE_PER_S" in found["settings"].detail


def test_a_redis_that_is_down_is_told_with_what_to_do(environ: dict[str, str]) -> None:
    found = look(environ | {"SMSQ_REDIS_URL": f"redis://u:secret@127.0.0.1:{free_port()}/0"})

    assert found["redis"].status is Mark.ERROR
    assert "SMSQ_REDIS_URL" in found["redis"].fix
    assert "secret" not in str(found)
    assert "queues" not in found


def test_a_token_that_is_taken_is_fine(gateway: dict[str, Any], environ: dict[str, str]) -> None:
    check = gateway_check.check_gateway(Settings.from_env(environ, needs_gateway=True))

    assert check == Check("gateway", Mark.OK, "answers, token taken")
    assert len(gateway["paths"]) == 1
    assert gateway["paths"][0].startswith("/api/v1/getSmsDeliveryList")


@pytest.mark.parametrize(
    ("status", "body", "mark"),
    [
        (401, b'{"error": "invalid token simulator-token"}', Mark.ERROR),
        (404, b"", Mark.ERROR),
        (500, b"", Mark.WARNING),
        (429, b"", Mark.WARNING),
    ],
)
def test_what_the_gateway_says_is_judged_and_the_token_never_shown(
    status: int, body: bytes, mark: Mark, gateway: dict[str, Any], environ: dict[str, str]
) -> None:
    gateway.update(status=status, body=body)

    check = gateway_check.check_gateway(Settings.from_env(environ, needs_gateway=True))

    assert check.status is mark
    assert check.fix
    assert "simulator-token" not in str(check)


def test_an_answer_about_the_message_is_explained(
    gateway: dict[str, Any], environ: dict[str, str]
) -> None:
    gateway.update(status=400, body=b'{"error": "message_id is not known"}')

    check = gateway_check.check_gateway(Settings.from_env(environ, needs_gateway=True))

    assert "message_id is not known" in check.detail
    assert "good if it is about message 1" in check.fix


def test_a_gateway_that_cannot_be_reached_is_an_error(settings: Settings) -> None:
    nobody = replace(settings, gateway_url=f"http://127.0.0.1:{free_port()}")

    assert gateway_check.check_gateway(nobody).status is Mark.ERROR


def test_a_gateway_by_a_proxy_with_its_own_ca_answers(
    self_signed: SelfSigned, settings: Settings
) -> None:
    page = answering(answer(200, b'{"result": []}'))
    with raw_server(page, self_signed.context) as gateway, raw_server(relay) as proxy:
        by_proxy = replace(
            settings,
            gateway_url=gateway.url,
            gateway_ca_file=self_signed.ca_file,
            gateway_proxy=proxy.url.replace("//", "//me:hidden@"),
        )

        check = gateway_check.check_gateway(by_proxy)

    assert check == Check("gateway", Mark.OK, "answers, token taken, by the proxy 127.0.0.1")


def test_what_is_wrong_on_the_way_to_the_gateway_names_its_setting(
    self_signed: SelfSigned, settings: Settings
) -> None:
    page = answering(answer(200, b'{"result": []}'))
    with raw_server(page, self_signed.context) as gateway, raw_server(refuse) as proxy:
        secure = replace(settings, gateway_url=gateway.url)
        untrusted = gateway_check.check_gateway(secure)
        refused = gateway_check.check_gateway(replace(secure, gateway_proxy=proxy.url))
        refused_plain = gateway_check.check_gateway(
            replace(settings, gateway_url="http://gateway.example", gateway_proxy=proxy.url)
        )

    assert "SMSQ_GATEWAY_CA_FILE" in untrusted.fix
    assert "refuses the way to the gateway: 407" in refused.detail
    assert "SMSQ_GATEWAY_PROXY" in refused.fix
    assert "407" in refused_plain.detail
    assert "SMSQ_GATEWAY_PROXY" in refused_plain.fix


@pytest.mark.long
def test_without_gateway_settings_it_is_not_asked(environ: dict[str, str]) -> None:
    web_app = {name: value for name, value in environ.items() if "GATEWAY" not in name}

    found = look(web_app)

    assert found["settings"].status is Mark.OK
    assert "not asked" in found["gateway"].detail


@pytest.mark.long
@pytest.mark.real_redis
def test_a_redis_that_may_forget_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    options = ("--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    with RedisServer(tmp_path, *options) as server:
        found = look(environ | {"SMSQ_REDIS_URL": server.url})

    assert found["eviction"].status is Mark.ERROR
    assert "noeviction" in found["eviction"].fix
    assert found["append-only file"].status is Mark.WARNING
    assert "appendonly yes" in found["append-only file"].fix


def test_a_redis_that_keeps_everything_is_fine() -> None:
    info = {"maxmemory_policy": "noeviction", "aof_enabled": 1, "maxmemory": 100, "used_memory": 9}
    found = list(checks.check_redis_info(info))

    assert [check.status for check in found] == [Mark.OK] * 3
    assert found[-1] == Check("memory", Mark.OK, "9% of maxmemory used")


@pytest.mark.long
@pytest.mark.real_redis
def test_a_log_that_may_stay_in_memory_is_told(tmp_path: Path, environ: dict[str, str]) -> None:
    with RedisServer(tmp_path, "--appendonly", "yes", "--appendfsync", "no") as server:
        found = look(environ | {"SMSQ_REDIS_URL": server.url})

    assert found["appendfsync"].status is Mark.WARNING
    assert "everysec" in found["appendfsync"].fix


@pytest.mark.parametrize("policy", ["everysec", "always"])
def test_a_log_that_is_written_through_is_fine(policy: str) -> None:
    assert checks.check_fsync(policy).status is Mark.OK


@pytest.mark.long
def test_durable_claims_where_they_cannot_work_are_an_error(environ: dict[str, str]) -> None:
    # The session's server keeps no log.
    check = look(environ | {"SMSQ_DURABLE_CLAIMS": "1"})["durable claims"]

    assert check.status is Mark.ERROR
    assert check.fix
    assert "durable claims" not in look(environ)


def test_durable_claims_that_work_are_fine() -> None:
    assert checks.check_durability("claims", Durability.DISK, None).status is Mark.OK


@pytest.mark.real_redis
def test_a_replica_is_no_place_for_jobs(tmp_path: Path, environ: dict[str, str]) -> None:
    port = str(free_port())  # of a primary that is not there
    with RedisServer(tmp_path, "--replicaof", "127.0.0.1", port) as server:
        found = look(environ | {"SMSQ_REDIS_URL": server.url})

    assert found["replicas"].status is Mark.ERROR
    assert "primary" in found["replicas"].fix


@pytest.mark.real_redis
@pytest.mark.parametrize(
    ("timeout_s", "level", "is_told"),
    [("60", "replica", True), ("10", "replica", False), ("60", "0", False)],
)
def test_a_replica_that_would_be_waited_for_long_after_a_cut_is_a_warning(
    timeout_s: str, level: str, is_told: bool, tmp_path: Path, environ: dict[str, str]
) -> None:
    with RedisServer(tmp_path, "--repl-timeout", timeout_s) as server:
        found = look(environ | {"SMSQ_REDIS_URL": server.url, "SMSQ_DURABLE_ENQUEUE": level})

    assert ("repl-timeout" in found) is is_told
    if is_told:
        assert found["repl-timeout"].status is Mark.WARNING
        assert "repl-timeout 10" in found["repl-timeout"].fix


@pytest.mark.parametrize(
    ("replica", "marks"),
    [
        ({"state": "online", "lag": 1, "offset": 90}, []),
        ({"state": "online", "lag": 9, "offset": 90}, [Mark.WARNING]),
        ({"state": "wait_bgsave", "lag": 0, "offset": 0}, [Mark.WARNING]),
    ],
)
def test_a_replica_that_lags_is_a_warning(replica: dict[str, Any], marks: list[Mark]) -> None:
    info = {"connected_slaves": 1, "slave0": replica, "master_repl_offset": 100}

    assert [check.status for check in checks.check_replicas(info)] == marks


@pytest.mark.parametrize(
    ("options", "marks"),
    [
        ({"ack_emulation": False}, []),
        ({"visibility_timeout": 600}, []),
        ({"visibility_timeout": 5}, [Mark.WARNING]),
        ({"visibility_timeout": 86_400}, [Mark.WARNING]),
        ({}, [Mark.WARNING]),
        (None, [Mark.WARNING]),
    ],
)
def test_a_worker_that_keeps_rings_needs_a_fitting_visibility_timeout(
    options: dict[str, Any] | None, marks: list[Mark]
) -> None:
    stats = {"w1": {"broker": {"transport": "redis", "transport_options": options}}}

    assert [check.status for check in process_checks.check_visibility(stats)] == marks


def test_other_brokers_have_no_visibility_timeout() -> None:
    assert not list(process_checks.check_visibility({"w1": {"broker": {"transport": "amqp"}}}))


def test_workers_that_send_to_another_gateway_are_told_with_both_names() -> None:
    [check] = process_checks.check_gateway_name("staging.example:443", "live.example:443")

    assert check.status is Mark.ERROR
    assert "live.example:443" in check.detail
    assert "staging.example:443" in check.detail
    assert "SMSQ_NAMESPACE" in check.fix
    for theirs in ("", "staging.example:443"):
        assert not [*process_checks.check_gateway_name("staging.example:443", theirs)]


def test_a_sandbox_is_shouted() -> None:
    [check] = process_checks.check_sandbox("gw.example:443 (sandbox)")

    assert check.status is Mark.WARNING
    assert check.detail.startswith("SANDBOX")
    assert not [*process_checks.check_sandbox("gw.example:443")]


def test_rings_that_pile_up_are_told_per_queue() -> None:
    fine = process_checks.check_rings({"urgent": 0, "normal": 999})
    piled = process_checks.check_rings({"urgent": 12, "normal": 2000})

    assert (fine.status, piled.status) == (Mark.OK, Mark.WARNING)
    assert "urgent 12, normal 2000" in piled.detail


def test_polls_that_lag_behind_are_told() -> None:
    assert process_checks.check_polls(1845, 3).status is Mark.OK
    late = process_checks.check_polls(1845, 600)
    assert late.status is Mark.WARNING
    assert late.detail == "1845 due, the first for 600 s: delivery states come late"


def test_live_workers_are_listed_and_deaf_ones_told() -> None:
    fine = process_checks.check_workers({"b@h": 0.5, "a@h": 3})
    mixed = process_checks.check_workers({"b@h": 0.5, "a@h": 42})

    assert (fine.status, fine.detail) == (Mark.OK, "a@h, b@h take rings")
    assert (mixed.status, mixed.detail) == (Mark.WARNING, "1 take rings; silent: a@h (42 s)")
    assert process_checks.check_workers({"a@h": 42}).status is Mark.ERROR
    assert process_checks.check_workers({}).status is Mark.ERROR


def test_a_server_that_says_nothing_about_itself_is_a_warning() -> None:
    found = list(checks.check_redis_info({}))

    assert {check.status for check in found} == {Mark.WARNING}
    assert all("cannot be read" in check.detail for check in found)


def test_a_redis_about_to_be_full_is_a_warning() -> None:
    info = {"maxmemory": 100, "used_memory": 95}

    found = {check.name: check.status for check in checks.check_redis_info(info)}
    assert found["memory"] is Mark.WARNING


def test_a_gate_that_waits_for_its_probe_is_not_open(world: World) -> None:
    closure = Closure(endpoint="sendQuickSMS", for_s=0.0, why="sendQuickSMS: 401: invalid token")
    stats = world.views.stats(10)
    waiting = replace(stats, rate=replace(stats.rate, closures=(closure,)))
    [sending] = [check for check in checks.check_stats(waiting) if check.name == "sending"]

    assert sending.status is Mark.WARNING
    assert "one probe after: sendQuickSMS: 401: invalid token" in sending.detail


@pytest.mark.long
def test_nobody_at_work_is_an_error(environ: dict[str, str]) -> None:
    found = look(environ)

    assert found["broker"].status is Mark.OK
    assert found["queues"].status is Mark.ERROR
    assert found["queues"].detail == "no worker answers"
    assert found["beat"].status is Mark.ERROR


@pytest.fixture
def root_log() -> Iterator[None]:
    """Give the root logger back as it was: a worker within the process takes it over."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.usefixtures("root_log", "patient_doctor")
@pytest.mark.long
def test_a_worker_on_every_queue_is_found(environ: dict[str, str], settings: Settings) -> None:
    app = Celery("other", broker=settings.broker_url, set_as_current=False)
    app.conf.broker_transport_options = broker_options(settings.broker_url, settings.namespace)
    with start_worker(app, pool="solo", perform_ping_check=False, queues=list(QUEUES)):
        found = look(environ)

    assert found["queues"] == Check("queues", Mark.OK, "all taken, by 1 worker")


def test_a_queue_that_nobody_takes_is_named() -> None:
    check = process_checks.check_queues({"w1": [{"name": "urgent"}, {"name": "normal"}]})

    assert check.status is Mark.ERROR
    assert check.detail == "nobody takes bulk, poll"


def test_a_broker_that_is_down_is_an_error(environ: dict[str, str]) -> None:
    found = look(environ | {"SMSQ_BROKER_URL": f"amqp://127.0.0.1:{free_port()}//"})

    assert found["broker"].status is Mark.ERROR
    assert "SMSQ_BROKER_URL" in found["broker"].fix


@pytest.mark.parametrize(
    ("age_s", "mark"), [(0.5, Mark.OK), (29, Mark.OK), (31, Mark.ERROR), (None, Mark.ERROR)]
)
def test_beat_is_alive_while_it_ticks(age_s: float | None, mark: Mark) -> None:
    assert process_checks.check_beat(age_s).status is mark


@pytest.mark.long
def test_the_heartbeat_that_recover_leaves_is_the_one_that_is_read(
    environ: dict[str, str], scripts: Scripts, namespace: str
) -> None:
    scripts.redis.set(f"{namespace}:heartbeat", f"{time.time():.3f}")

    assert look(environ)["beat"].status is Mark.OK


def test_a_closed_gate_and_an_old_backlog_are_warnings(
    queue: SmsQueue, scripts: Scripts, namespace: str
) -> None:
    job = queue.send_quick("375291234567", "code")
    scripts.redis.zadd(f"{namespace}:ready:normal", {job: (time.time() - 600) * 1000})
    limiter = Limiter(scripts, Pace(rate_per_s=10, burst=1))
    limiter.close_broken(Slot(wait_s=0, epoch=limiter.epoch()), "401")

    found = {check.name: check for check in checks.check_stats(queue.stats())}

    assert found["sending"].status is Mark.WARNING
    assert "401" in found["sending"].detail
    assert found["backlog"].status is Mark.WARNING
    assert found["unknown"].status is Mark.OK


def test_a_closed_endpoint_is_named(queue: SmsQueue, scripts: Scripts) -> None:
    limiter = Limiter(scripts, Pace(rate_per_s=10, burst=1))
    broken = MisconfiguredError("403: no right", status=403, is_certain=True)
    slot = Slot(wait_s=0, epoch=limiter.epoch())
    limiter.hear(slot, broken, who="j1", endpoint=Endpoint.BULK)

    stats = queue.stats()
    found = {check.name: check for check in checks.check_stats(stats)}

    assert found["sending"].status is Mark.WARNING
    assert re.fullmatch(
        r"stopped for another \d+ s: sendBulkSms: 403: no right",
        found["sending"].detail,
    )
    assert say_gate(stats.rate).startswith("sendBulkSms is stopped for another ")


def test_a_pause_is_told_with_how_to_end_it(queue: SmsQueue, scripts: Scripts) -> None:
    Limiter(scripts, Pace(rate_per_s=10, burst=1)).pause("by an operator")

    found = {check.name: check for check in checks.check_stats(queue.stats())}

    assert found["sending"] == Check(
        "sending", Mark.WARNING, "paused: by an operator", "smsq resume"
    )


def test_unknown_and_dead_jobs_are_counted(queue: SmsQueue) -> None:
    stats = queue.stats()
    piled = replace(stats, jobs={**stats.jobs, JobState.UNKNOWN: 2, JobState.DEAD: 1})

    found = {check.name: check for check in checks.check_stats(piled)}

    assert (found["unknown"].status, found["unknown"].detail) == (Mark.WARNING, "2 jobs")
    assert (found["dead"].status, found["dead"].detail) == (Mark.WARNING, "1 job")


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "exit_code"),
    [
        ({"SMSQ_BURST": "0"}, 2),
        ({"SMSQ_REDIS_URL": "redis://127.0.0.1:1/0"}, 3),
        ({}, 1),
    ],
)
def test_the_exit_code_says_what_is_wrong(
    changes: dict[str, str], exit_code: int, environ: dict[str, str]
) -> None:
    result = CliRunner().invoke(main, ["doctor", "--json"], env={**environ, **changes})

    assert result.exit_code == exit_code
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert all(set(check) == {"name", "status", "detail", "fix"} for check in told["checks"])


@pytest.mark.long
def test_a_person_sees_a_sign_per_check_and_what_to_do(environ: dict[str, str]) -> None:
    shown = CliRunner().invoke(main, ["doctor"], env=environ).stdout

    assert "✗ queues" in shown
    assert "start a worker" in shown
    assert "simulator-token" not in shown


@pytest.mark.parametrize(
    ("used", "most", "is_told"), [(28, 30, True), (20, 30, False), (9, 0, False)]
)
def test_connections_that_run_out_are_a_warning(used: int, most: int, is_told: bool) -> None:
    found = list(checks.check_clients({"connected_clients": used, "maxclients": most}))

    assert bool(found) is is_told
    for check in found:
        assert check.status is Mark.WARNING
        assert "SMSQ_REDIS_MAX_CONNECTIONS" in check.fix


def test_one_version_of_all_workers_is_fine_whichever_looks() -> None:
    ages_s = {"a@h": 0.5, "killed@h": 60.0}
    told = {"a@h": Running("0.2.0 bbb", 9), "killed@h": Running("0.1.0 aaa", 9999)}

    [same] = process_checks.check_versions(ages_s, told, "0.2.0 bbb")
    [other] = process_checks.check_versions(ages_s, told, "0.1.0 aaa")

    assert (same.status, same.detail) == (Mark.OK, "all workers run 0.2.0 bbb")
    assert other.status is Mark.OK
    assert other.detail == "all workers run 0.2.0 bbb; this command is 0.1.0 aaa"
    assert not [*process_checks.check_versions({}, {}, "0.1.0 aaa")]


@pytest.mark.parametrize(("minutes", "mark"), [(5, Mark.OK), (16, Mark.WARNING)])
@pytest.mark.parametrize("tells", [True, False])
def test_two_versions_are_told_and_after_a_while_warned_of(
    minutes: int, mark: Mark, *, tells: bool
) -> None:
    ages_s = {"a@h": 0.5, "b@h": 0.5, "c@h": 0.5}
    told = {name: Running("0.2.0 bbb", minutes * 60) for name in ("b@h", "c@h")}
    told |= {"a@h": Running("0.1.0 aaa", 999_999)} if tells else {}

    [check] = process_checks.check_versions(ages_s, told, "0.2.0 bbb")

    new = "0.2.0 bbb: b@h, c@h"
    told_all = f"0.1.0 aaa: a@h; {new}" if tells else f"{new}; a version that does not say so: a@h"
    assert (check.status, check.detail) == (mark, f"{told_all} (for {minutes} min)")


def test_a_ledger_that_a_newer_version_wrote_is_told(
    scripts: Scripts, environ: dict[str, str]
) -> None:
    scripts.redis.hset(scripts.keys.limiter, "format", "99")
    ledger = look(environ)["ledger"]

    assert ledger.status is Mark.ERROR
    assert "newer version of smsq" in ledger.detail
    assert "install that version here" in ledger.fix


def test_what_keeps_a_server_from_being_the_ledgers_is_told_with_what_to_do() -> None:
    faults = ["Redis 6.0.16 is too old: use 6.2", "its user may not use XADD: ACL SETUSER name +x"]
    old, rights = checks.check_fitness(faults)

    assert (old.status, old.detail, old.fix) == (Mark.ERROR, "Redis 6.0.16 is too old", "use 6.2")
    assert rights.fix == "ACL SETUSER name +x"


def test_a_webhook_that_wants_no_posts_is_an_error_until_it_has_another_address(
    environ: dict[str, str],
) -> None:
    more = {
        "SMSQ_WEBHOOK_URL": "https://shop.example",
        "SMSQ_WEBHOOK_SECRET": "a secret of the webhook",
    }
    settings = Settings.from_env(environ | more)
    world = World(settings)
    hooks = Webhooks(world.scripts, url=settings.webhook_url, start=Start.OLDEST)

    def look(settings: Settings) -> Check | None:
        found = [c for c in doctor.check_ledger(world.redis, settings) if c.name == "webhook"]
        return found[0] if found else None

    world.enqueue()
    hooks.collect()
    assert look(settings) == Check("webhook", Mark.OK, "1 delivery waits")
    delivery = hooks.claim(lease_s=30)
    assert delivery
    hooks.settle(delivery, Posted(Answer.GONE, "status 410"))

    gone = look(settings)
    assert gone
    assert (gone.status, gone.fix) == (Mark.ERROR, "smsq webhook resume, or set SMSQ_WEBHOOK_URL")
    moved = look(replace(settings, webhook_url="https://shop.example/elsewhere"))
    assert moved
    assert moved.status is Mark.OK
    assert look(replace(settings, webhook_url="")) is None
    world.redis.close()

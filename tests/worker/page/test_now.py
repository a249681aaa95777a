"""Now: what waits, the gate and why, the rate, who works; operators turn the gate and the rate."""

from __future__ import annotations

import httpx
import pytest
from redis import Redis

from smsq.measures.keys import MeasureKeys
from smsq.models import JobState
from smsq.operate.checks import Check, Mark
from smsq.queue import SmsQueue
from smsq.rings.presence import Presence
from smsq.store.clock import ledger_time
from smsq.store.scripts import Scripts
from tests.support import wait_until
from tests.worker.page.browsing import Visitor, text_of
from worker.page.doctor import Doctor
from worker.page.speed import Speed
from worker.page.views.now import PAGE

PHONE = "375291234567"


def now(visitor: Visitor) -> str:
    """Another query is another page: what was read a moment ago is not shown again."""
    now.asked += 1  # type: ignore[attr-defined]
    answer = visitor.get(f"/?n={now.asked}")  # type: ignore[attr-defined]
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


now.asked = 0  # type: ignore[attr-defined]


def test_what_waits_is_shown_by_class(reader: Visitor, queue: SmsQueue) -> None:
    for n in range(3):
        queue.send_quick(f"37529123456{n}", "code", priority="urgent")

    told = now(reader)

    assert "urgent 3" in told
    assert "normal nothing" in told


def test_a_sandbox_is_shouted(reader: Visitor, scripts: Scripts) -> None:
    assert "SANDBOX" not in now(reader)

    Presence(scripts, "gw.example:443 (sandbox)").enter("w@host")
    assert "SANDBOX: only the phones of SMSQ_SANDBOX_PHONES are sent to" in now(reader)


def test_a_gate_that_is_open_or_paused_is_told_with_who_paused_it(
    reader: Visitor, operator: Visitor, queue: SmsQueue
) -> None:
    assert "Sending open" in now(reader)

    assert operator.post("/pause").headers["location"] == "/?said=said.paused"
    assert "Sending is paused." in text_of(operator.get("/?said=said.paused").text)
    told = now(reader)
    assert "everything paused until somebody resumes it" in told
    assert "paused by anna" in told
    assert "Resume sending" not in told
    assert "Resume sending" in now(operator)

    operator.post("/resume")
    assert "Sending open" in now(reader)


def test_a_gate_that_a_job_closed_names_it(reader: Visitor, scripts: Scripts) -> None:
    redis, keys = scripts.redis, scripts.keys
    fields: dict[str, str | int] = {
        "closed_until_us_bulk": 4 * 10**15,
        "why_bulk": "sendBulkSms: 503",
        "closed_by_bulk": "j1 j2",
    }
    for name, value in fields.items():
        redis.hset(keys.limiter, name, value)

    page = reader.get("/?gate").text

    assert 'href="/find/j2"' in page
    assert "sendBulkSms: 503" in text_of(page)


def test_the_rate_its_ceiling_and_who_set_it(operator: Visitor) -> None:
    assert "In force 10/s Ceiling 10/s the setting" in now(operator)

    assert operator.post("/rate", rate="2,5").headers["location"] == "/?said=said.rate"
    assert "Ceiling 2.5/s set by anna" in now(operator)
    operator.post("/rate", rate="")
    assert "Ceiling 10/s the setting" in now(operator)


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "nan", "inf", "1e9"])
def test_a_rate_that_is_none_is_refused_with_what_to_write(operator: Visitor, rate: str) -> None:
    answer = operator.post("/rate", rate=rate)

    assert answer.status_code == 400
    assert "rate: write a number from 0.001 to 10000" in text_of(answer.text)


def test_processes_are_alive_or_silent(reader: Visitor, scripts: Scripts) -> None:
    assert "No worker takes jobs" in now(reader)

    Presence(scripts, "gateway:80", "0.1.0 abc").tell("shop-1@host", 1.0)
    Presence(scripts, "gateway:80", "0.1.0 abc").tell("shop-2@host", 60.0)
    told = now(reader)
    assert "shop-1@host 0.1.0 abc alive" in told
    assert "shop-2@host 0.1.0 abc silent" in told
    assert "beat no tick never" in told


def test_all_viewers_share_one_reading_for_a_moment(
    admin_url: str, reader: Visitor, queue: SmsQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred people who look at it cost as much as one."""
    commands: list[str] = []
    execute = Redis.execute_command

    def count(self: Redis, *args: object, **options: object) -> object:
        commands.append(str(args[0]))
        return execute(self, *args, **options)

    monkeypatch.setattr(Redis, "execute_command", count)
    cookies = dict(reader.client.cookies)
    first = reader.get("/").text
    before = len(commands)
    for _ in range(20):
        assert httpx.get(admin_url, cookies=cookies, timeout=60).status_code == 200
    assert PAGE.views[0].shared_s >= 1
    assert len(commands) - before < 60
    assert first


def test_two_viewers_of_one_reading_have_their_own_names_and_tokens(
    reader: Visitor, operator: Visitor
) -> None:
    ours, theirs = reader.get("/").text, operator.get("/").text

    assert "ben" in ours
    assert "anna" not in ours
    assert reader.token in ours
    assert operator.token in theirs
    assert operator.token != reader.token
    assert "mark-" not in ours + theirs


def test_the_doctor_is_asked_once_for_all_and_nobody_waits_for_it() -> None:
    asked: list[object] = []

    def look(environ: object) -> list[Check]:
        asked.append(environ)
        return [
            Check("gateway", Mark.WARNING, "not asked"),
            Check("redis", Mark.OK, "fine"),
            Check("beat", Mark.WARNING, "late"),
            Check("workers", Mark.ERROR, "none"),
        ]

    doctor = Doctor({"SMSQ_GATEWAY_TOKEN": "secret", "SMSQ_NAMESPACE": "shop"}, look)
    assert doctor.ask() is None
    wait_until(lambda: doctor.ask() is not None, "it has looked")
    found = doctor.ask()

    assert asked == [{"SMSQ_NAMESPACE": "shop"}]
    assert found
    assert [check.name for check in found.worrying] == ["workers", "beat"]


def test_a_doctor_that_fails_is_asked_again_later() -> None:
    def fail(_: object) -> list[Check]:
        raise OSError

    doctor = Doctor({}, fail)
    doctor.ask()
    wait_until(lambda: doctor.ask() is not None, "it has tried")
    found = doctor.ask()
    assert found
    assert not found.checks


def test_a_redis_that_is_away_has_a_page_of_its_own(
    reader: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    from redis.exceptions import ConnectionError  # noqa: PLC0415, A004

    monkeypatch.setattr("worker.page.views.now.read_overview", fail)
    answer = reader.get("/?away")

    assert answer.status_code == 503
    assert "Redis does not answer" in text_of(answer.text)


def test_stuck_jobs_are_counted(reader: Visitor, scripts: Scripts) -> None:
    redis, keys = scripts.redis, scripts.keys
    redis.hset(keys.counts, f"job:{JobState.UNKNOWN}", 4)

    assert "Waits for an operator unknown 4" in now(reader)


def test_how_long_codes_took_is_told_by_class(reader: Visitor, scripts: Scripts) -> None:
    told = now(reader)
    assert "urgent 0 jobs – –" in told

    key = MeasureKeys(scripts.keys.namespace)
    minute = int(ledger_time(scripts.redis, scripts.keys).now_s // 60)
    # 100 to the request within 50 ms, of which 4 took up to 2 s; delivered within 10 s.
    for field, number in {"e|urgent|4": 96, "e|urgent|9": 4, "d|urgent|11": 100}.items():
        scripts.redis.hset(key.minute(minute), field, number)
    scripts.redis.zadd(key.minutes, {str(minute): minute})
    speed = {one.priority: one for one in Speed(scripts).read()}

    assert speed["urgent"].jobs == 100
    assert 0.025 < (speed["urgent"].to_request.p50_s or 0) <= 0.05
    assert (speed["urgent"].to_request.p95_s or 0) <= 0.05
    assert 5 < (speed["urgent"].to_delivered.p95_s or 0) <= 10
    assert speed["normal"].to_request.p50_s is None


def test_the_last_hour_is_read_once_in_a_while(scripts: Scripts) -> None:
    now_s = [0.0]
    speed = Speed(scripts, lambda: now_s[0])
    first = speed.read()
    assert speed.read() is first
    now_s[0] += 10
    assert speed.read() is not first

"""The engine: it sends while anything waits, as much at once as the rate asks for, and shares."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from smsq.gateway.client import GatewayClient
from smsq.models import JobState, QuickAccepted, QuickMessage, QuickRequest
from smsq.names import Queue, Task
from smsq.pacing.limiter import Limiter
from smsq.pacing.slots import Pace
from smsq.queue import SmsQueue
from smsq.rings.rings import Rings
from smsq.simulator.server import RunningSimulator
from smsq.steps.console import ConsoleGateway
from smsq.steps.resources import Resources
from tasks import crew
from tasks import engine as engine_module
from tasks.engine import Engine, Ring
from tests.support import wait_until

PHONE = "37529123"


@dataclass
class SlowGateway:
    """Answers when it is told to, and counts how many wait for it."""

    may_answer: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0
    most_waiting: int = 0
    seen: list[str] = field(default_factory=list)

    def send_quick(self, request: QuickRequest) -> QuickAccepted:
        with self.lock:
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            self.seen.append(request.text)
        self.may_answer.wait(30)
        with self.lock:
            self.waiting -= 1
            return QuickAccepted(len(self.seen), "NEW", 1)

    def close(self) -> None:
        self.may_answer.set()


@dataclass
class HeardRings:
    """Keeps what is rung."""

    heard: list[tuple[Task, Sequence[str], Queue]] = field(default_factory=list)

    def ring(self, task: Task, ids: Sequence[str], queue: Queue) -> bool:
        self.heard.append((task, ids, queue))
        return True

    def close(self) -> None: ...


Start = Callable[[Resources], Engine]


@pytest.fixture
def start() -> Iterator[Start]:
    """Engines, not yet woken, that are closed at the end."""
    engines: list[Engine] = []

    def begin(resources: Resources) -> Engine:
        engines.append(Engine(resources))
        return engines[-1]

    yield begin
    for engine in engines:
        if isinstance(engine.resources.gateway, SlowGateway):
            engine.resources.gateway.close()
        engine.close()


@pytest.fixture
def gateway() -> SlowGateway:
    return SlowGateway()


@pytest.fixture
def slow(resources: Resources, gateway: SlowGateway) -> Resources:
    return replace(resources, gateway=cast(GatewayClient, gateway))


def enqueue(queue: SmsQueue, count: int, priority: Any = Queue.NORMAL) -> list[str]:
    messages = [
        QuickMessage(phone=f"{PHONE}{1000 + i}", text=f"{priority} {i}", priority=priority)
        for i in range(count)
    ]
    return [str(job) for job in queue.send_quick_many(messages)]


def ring(*ids: str) -> Ring:
    return Ring(Task.SEND_QUICK, ids, Queue.NORMAL)


def accepted(queue: SmsQueue) -> int:
    return queue.stats().jobs[JobState.ACCEPTED]


def test_one_ring_has_as_many_on_their_way_as_wait(
    slow: Resources, queue: SmsQueue, gateway: SlowGateway, start: Start
) -> None:
    jobs = enqueue(queue, 60)
    start(slow).wake(ring(jobs[0]))

    wait_until(lambda: gateway.waiting == 60, "all are on their way")
    gateway.may_answer.set()
    wait_until(lambda: accepted(queue) == 60, "all are accepted")


def test_never_more_are_on_their_way_than_the_setting_allows(
    slow: Resources, queue: SmsQueue, gateway: SlowGateway, start: Start
) -> None:
    enqueue(queue, 30)
    start(replace(slow, settings=replace(slow.settings, in_flight=5))).wake()

    wait_until(lambda: gateway.waiting == 5, "five are on their way")
    assert queue.stats().jobs[JobState.SUBMITTING] == 5  # none is claimed ahead
    gateway.may_answer.set()
    wait_until(lambda: accepted(queue) == 30, "all are accepted")
    assert gateway.most_waiting == 5


def test_no_more_threads_work_than_may_be_on_their_way(
    slow: Resources, queue: SmsQueue, gateway: SlowGateway, start: Start
) -> None:
    enqueue(queue, 30)
    engine = start(replace(slow, settings=replace(slow.settings, in_flight=5)))
    most = 0

    def is_done() -> bool:
        nonlocal most
        most = max(most, len(engine._crew.threads))
        return accepted(queue) == 30

    engine.wake()
    gateway.may_answer.set()
    wait_until(is_done, "all are accepted")
    assert most <= 5


def test_what_is_urgent_goes_next_though_much_is_on_its_way(
    slow: Resources, queue: SmsQueue, gateway: SlowGateway, start: Start
) -> None:
    paced = replace(slow, limiter=Limiter(slow.scripts, Pace(rate_per_s=20, burst=1)))
    enqueue(queue, 50, Queue.BULK)
    start(paced).wake()
    wait_until(lambda: gateway.waiting >= 5, "some are on their way")
    enqueue(queue, 1, Queue.URGENT)
    before = len(gateway.seen)

    wait_until(lambda: "urgent 0" in gateway.seen, "the urgent one is on its way")
    # One may have been claimed just before it was enqueued.
    assert gateway.seen.index("urgent 0") <= before + 1


def test_a_job_that_is_put_back_in_the_line_needs_no_other_ring(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator, start: Start
) -> None:
    simulator.change(fault_shares={"busy": 1}, retry_after_s=1)
    enqueue(queue, 1)
    start(resources).wake()
    wait_until(lambda: queue.stats().rate.closed_why, "a 429 closed the gate")
    simulator.change(fault_shares={})

    wait_until(lambda: accepted(queue) == 1, "it is accepted", deadline_s=15)


def test_two_engines_share_a_backlog_and_send_nothing_twice(
    resources: Resources, queue: SmsQueue, simulator: RunningSimulator, start: Start
) -> None:
    simulator.change(latency_ms=50)
    sent: Counter[str] = Counter()
    jobs = enqueue(queue, 100)
    for name in ("one", "two"):
        limiter = Limiter(resources.scripts, Pace(rate_per_s=50, burst=1))
        made = replace(resources, limiter=limiter, gateway=counted(resources.gateway, sent, name))
        start(made).wake()

    wait_until(lambda: accepted(queue) == 100, "all are accepted", deadline_s=60)
    assert set(simulator.accepted().values()) == {1}
    assert len(simulator.accepted()) == len(jobs)
    assert min(sent["one"], sent["two"]) >= 20


def counted(
    gateway: GatewayClient | ConsoleGateway, sent: Counter[str], name: str
) -> GatewayClient:
    class Counting:
        def send_quick(self, request: QuickRequest) -> QuickAccepted:
            sent[name] += 1
            return gateway.send_quick(request)

        def close(self) -> None: ...

    return cast(GatewayClient, Counting())


def test_a_closed_gate_is_asked_about_by_one_thread_now_and_then(
    resources: Resources, queue: SmsQueue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = enqueue(queue, 50)
    resources.limiter.pause("paused by operator")
    asked: list[float] = []
    reserve = resources.limiter.reserve

    def note(*args: Any) -> Any:
        asked.append(time.monotonic())
        return reserve(*args)

    monkeypatch.setattr(resources.limiter, "reserve", note)
    engine = start(resources)
    for job in jobs:
        engine.wake(ring(job))
    began_s = time.monotonic()
    wait_until(lambda: len(asked) >= 3, "it asked three times")
    assert time.monotonic() - began_s > 3
    assert len(engine._crew.threads) == 1
    resources.limiter.resume()

    wait_until(lambda: accepted(queue) == 50, "all are accepted")


def test_an_engine_at_rest_asks_redis_nothing_and_keeps_no_thread(
    resources: Resources, queue: SmsQueue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "FREE_S", 0.1)
    engine = start(resources)
    enqueue(queue, 10)
    engine.wake()
    wait_until(lambda: accepted(queue) == 10 and engine.is_at_rest, "all are accepted")
    wait_until(lambda: not engine._crew.threads, "its threads have ended")
    asked: list[object] = []

    monkeypatch.setattr(resources.limiter, "reserve", lambda: asked.append(1))
    time.sleep(0.3)

    assert not asked
    engine.wake()
    wait_until(lambda: asked and engine.is_at_rest, "a ring wakes it")


def test_a_shutdown_ends_the_hold_for_a_far_slot_and_rings_for_another_worker(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    jobs = enqueue(queue, 10)
    rings = HeardRings()
    held = replace(
        resources,
        limiter=Limiter(resources.scripts, Pace(rate_per_s=0.01, burst=1)),
        rings=cast(Rings, rings),
    )
    engine = start(held)
    engine.wake(ring(*jobs))
    wait_until(lambda: accepted(queue) == 1, "one is sent, the others wait")
    began_s = time.monotonic()
    engine.close()

    assert time.monotonic() - began_s < 3
    assert rings.heard == [(Task.SEND_QUICK, tuple(jobs), Queue.NORMAL)]
    counts = queue.stats().jobs
    assert counts[JobState.SUBMITTING] == counts[JobState.UNKNOWN] == 0


def test_a_shutdown_with_nothing_left_rings_for_nobody(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    rings = HeardRings()
    engine = start(replace(resources, rings=cast(Rings, rings)))
    engine.wake(ring(*enqueue(queue, 3)))
    wait_until(lambda: accepted(queue) == 3 and engine.is_at_rest, "all are accepted")
    engine.close()

    assert rings.heard == []


def test_a_shutdown_finishes_the_requests_in_hand(
    slow: Resources, queue: SmsQueue, gateway: SlowGateway, start: Start
) -> None:
    enqueue(queue, 20)
    engine = start(slow)
    engine.wake()
    wait_until(lambda: gateway.waiting == 20, "all are on their way")
    closing = threading.Thread(target=engine.close)
    closing.start()
    gateway.may_answer.set()
    closing.join(20)

    assert not closing.is_alive()
    assert accepted(queue) == 20


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
@pytest.mark.parametrize("step", ["find_slot", "hold", "claim", "use_turn"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_step_that_breaks_off_takes_nothing_but_itself_along(
    resources: Resources,
    queue: SmsQueue,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: type[BaseException],
) -> None:
    monkeypatch.setattr(engine_module, "OUTAGE_PAUSE_S", 0.1)
    real, broken = getattr(engine_module, step), [error()]

    def break_once(*args: Any) -> Any:
        if broken:
            raise broken.pop()
        return real(*args)

    monkeypatch.setattr(engine_module, step, break_once)
    enqueue(queue, 10)
    engine = start(resources)
    engine.wake()

    lost = step == "use_turn"  # its lease ends
    wait_until(lambda: accepted(queue) == 10 - lost, "the others are accepted")
    wait_until(lambda: engine.is_at_rest, "nothing is taken for being on its way")
    assert queue.stats().jobs[JobState.SUBMITTING] == lost


def test_a_thread_that_cannot_be_started_is_made_good_by_the_next_ring(
    resources: Resources, queue: SmsQueue, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(queue, 3)
    engine = start(resources)

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        engine.wake()
    assert accepted(queue) == 0
    engine.wake()

    wait_until(lambda: accepted(queue) == 3, "all are accepted")


@dataclass
class Waiter:
    """A task of a job rung alone."""

    engine: Engine
    job: str
    state: JobState | None = None

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.wait)
        self.thread.start()

    def wait(self) -> None:
        self.state = self.engine.see_answered(ring(self.job))

    def has_ended(self) -> bool:
        return not self.thread.is_alive()


def test_the_task_of_a_job_rung_alone_ends_when_its_request_is_answered(
    slow: Resources, queue: SmsQueue, gateway: SlowGateway, start: Start
) -> None:
    [job] = enqueue(queue, 1)
    waiter = Waiter(start(slow), job)
    wait_until(lambda: gateway.waiting == 1, "it is on its way")
    time.sleep(2 * engine_module.LOOK_S)
    assert not waiter.has_ended()
    gateway.may_answer.set()

    wait_until(waiter.has_ended, "its task ends")
    assert queue.status(job).state is waiter.state is JobState.ACCEPTED


def test_the_task_of_a_job_that_is_refused_says_so(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    job = queue.send_quick("375291110400", "code")
    waiter = Waiter(start(resources), job)

    wait_until(waiter.has_ended, "its task ends")
    assert waiter.state is JobState.REJECTED


def test_the_task_of_a_job_that_another_process_sends_ends_as_well(
    resources: Resources, slow: Resources, queue: SmsQueue, start: Start
) -> None:
    full = replace(slow, settings=replace(slow.settings, in_flight=1))
    jobs = enqueue(queue, 2)
    waiter = Waiter(start(full), jobs[1])
    wait_until(lambda: queue.stats().jobs[JobState.SUBMITTING] == 1, "the first is on its way")
    assert not waiter.has_ended()
    start(replace(resources, stop=threading.Event())).wake()

    wait_until(waiter.has_ended, "its task ends")
    assert queue.status(jobs[1]).state is waiter.state is JobState.ACCEPTED


def test_the_task_of_a_cancelled_job_ends(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    resources.limiter.pause("paused by operator")
    [job] = enqueue(queue, 1)
    waiter = Waiter(start(resources), job)
    queue.cancel(job)

    wait_until(waiter.has_ended, "its task ends")
    assert waiter.state is JobState.CANCELLED


def test_a_shutdown_ends_the_tasks_of_jobs_that_wait(
    resources: Resources, queue: SmsQueue, start: Start
) -> None:
    resources.limiter.pause("paused by operator")
    engine = start(resources)
    waiters = [Waiter(engine, job) for job in enqueue(queue, 5)]
    wait_until(lambda: engine._crew.threads, "it holds")
    began_s = time.monotonic()
    resources.stop.set()

    wait_until(lambda: all(waiter.has_ended() for waiter in waiters), "they end")
    assert time.monotonic() - began_s < engine_module.LOOK_S
    late = Waiter(engine, "j1")
    wait_until(late.has_ended, "so does the task of a ring that comes now")

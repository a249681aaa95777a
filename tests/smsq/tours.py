"""The tour: every script that there is, called at the largest size that it meets.

In:  a real Redis' settings, and a size. Out: what each script's dearest call took.
"""

from __future__ import annotations

import json
from dataclasses import replace
from unittest.mock import patch

import tests.smsq.world as worlds
from smsq.access.attempts import Attempts
from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.campaigns.draft import CampaignDraft
from smsq.delivery.matching import Matching
from smsq.domain.outcomes import Verdict
from smsq.events.posts import Answer, Posted
from smsq.events.webhooks import GIVE_UP_MS, MOST_WAITING, Webhooks
from smsq.gathering.gathering import MOST_GATHERED
from smsq.intake.new_jobs import new_job_id
from smsq.measures.folding import Folding
from smsq.models import JobState, Kind, MessageRequest
from smsq.names import Queue, Start, Task
from smsq.pacing.slots import Slot
from smsq.records.jobs import Idempotency, NewJob
from smsq.rings.presence import Presence
from smsq.rings.ticks import Ticks
from smsq.rules.optouts import OptOuts
from smsq.settings import Settings
from smsq.store.agreement import Agreement
from tests.smsq import gathered_tour, sizes
from tests.smsq.sizes import ACCEPTED, Meter, phone, put, take_job, work_off
from tests.smsq.world import PLAN, World
from tests.ticks import take

#: As smsq/steps/due_polls.py and smsq/steps/recover.py ask.
BATCH, FORGOTTEN = 500, 400


def tour(settings: Settings, *, recipients: int, messages: int, is_timed: bool = True) -> Meter:
    """Lead jobs of so many recipients, and of so many messages, through all that happens."""
    meter = Meter(is_timed)
    with patch.object(worlds, "Scripts", meter.install()):
        world = World(settings)
    # Before Redis' own time: news is kept by that, and none of it may be too old.
    world.go_to("2020-11-24T12:00")
    change_optouts(world, recipients)
    for size, among in ((recipients, 1), (messages, messages)):
        sizes.send(world, size, among)
        sizes.refuse(world, size, among)
        sizes.cancel(world, size, among)
        sizes.lose_answers(world, size, among)
        sizes.sweep(world, size, among)
        schedule(world, size, among)
    jobs = max(250, messages // 10)
    change_quiet_hours(world, jobs=jobs)
    brake_many_jobs(world, jobs=jobs)
    most = min(recipients // 3, MOST_GATHERED)
    for leg in (gathered_tour.deliver, gathered_tour.leave_in_doubt, gathered_tour.expire):
        leg(world, most)
    work_small_scripts(world)
    find_what_waits(world)
    post_news(world)
    Agreement(world.scripts, settings, role="worker").look()
    find_again(world)
    return meter


def change_optouts(world: World, recipients: int) -> None:
    """Put a fiftieth of the phones on the list, and ask; others come and go in bulk."""
    optouts = OptOuts(world.scripts, world.settings)
    optouts.add([phone(i) for i in range(3, recipients, 50)])
    some = [f"37533{1_000_000 + 37 * i}" for i in range(3000)]
    assert optouts.add(some) == optouts.count_opted_out(some) == optouts.remove(some) == len(some)


def schedule(world: World, size: int, among: int) -> None:
    """Handed over for next week's noon; for its night, held back, and cancelled."""
    day_s = 86_400
    [job] = put(world, size, among, starts_in_s=7 * day_s).launched
    world.claims.settle(take_job(world), ACCEPTED, PLAN)
    world.pass_s(7 * day_s + PLAN.horizon_ms / 1000 + 60)
    work_off(world)
    assert world.state(job) is JobState.DONE
    [job] = put(world, size, among, starts_in_s=7 * day_s + 10 * 3600).launched
    assert world.take() is None
    assert world.redis.zscore(f"{world.keys.namespace}:held", job)
    world.ledger.cancel(job)
    work_off(world)


def change_quiet_hours(world: World, *, jobs: int) -> None:
    """A campaign that comes at night is held back job by job, until quiet hours are lifted."""
    sizes.wait_for_noon(world)
    world.pass_s(10 * 3600)
    draft = world.start_campaign(10 * jobs)
    assert world.take() is None
    held = f"{world.keys.namespace}:held"
    assert world.redis.zcard(held) == jobs
    while world.redis.zcard(held):
        world.claims.recover(limit=BATCH, max_attempts=8, plan=PLAN, quiet="off")
    world.brakes.cancel(draft.id, by="me@here")
    world.align()
    work_off(world)


def brake_many_jobs(world: World, *, jobs: int) -> None:
    """A campaign of many jobs with a canary: paused, resumed, called off, and begun again."""
    sizes.wait_for_noon(world)
    draft = world.start_campaign(10 * jobs, canary=20, max_failed=0.5)
    for _ in range(2):
        claim = take_job(world)
        world.claims.settle(claim, ACCEPTED, PLAN)
    world.brakes.pause(draft.id, by="me@here")
    world.align()
    world.brakes.resume(draft.id, by="me@here", is_anyway=True)
    world.align()
    world.brakes.cancel(draft.id, by="me@here")
    world.align()
    work_off(world)
    # The same once more, under a key that is used again.
    once = Idempotency(key="bills", content="c")
    for is_again in (False, True):
        earlier = world.staging.find_earlier(once.key, is_again=is_again)
        assert bool(earlier) is is_again
        draft = CampaignDraft(
            world.staging,
            fields={"on_unknown": "hold"},
            max_recipients=10,
            key=once.key,
            earlier=earlier,
        )
        draft.start_message(
            MessageRequest(name="Sale", alphaname_id="123", text="Half price", recipients={})
        )
        for i in range(10 * jobs):
            draft.add(phone(i), None)
        draft.commit(replace(once, is_again=is_again))
        world.brakes.cancel(draft.id, by="me@here")
        world.align()
        work_off(world)


def work_small_scripts(world: World) -> None:
    """Those that see one job, one request or one process."""
    job = world.enqueue(priority=Queue.URGENT)
    claim = world.claim(job)
    world.scripts.run("confirm", job, claim.number)
    world.scripts.run("keep", json.dumps([job]))
    later = Verdict(state=JobState.WAITING, delay_s=60, error="503", error_class="temporary")
    world.claims.settle(claim, later, PLAN)
    world.scripts.run("reschedule", job, 120_000, "me@here", "")
    world.ledger.cancel(job)
    aside = world.claim(world.enqueue())
    world.scripts.run("set_aside", aside.job_id, aside.number, "no text")
    world.ledger.cancel(aside.job_id)
    world.limiter.pause("lunch", by="me@here")
    world.limiter.resume(by="me@here")
    world.limiter.pass_poll(Slot(wait_s=0, epoch="0", is_probe=False, waiting=0))
    world.limiter.set_rate(100, by="me@here")
    world.limiter.set_rate(None, by="me@here")
    world.scripts.run("clock", "", "")
    work_scripts_of_operators(world)


def work_scripts_of_operators(world: World) -> None:
    """Those of measures, the audit trail, the page and processes."""
    world.scripts.run("totals")
    world.scripts.run("count_receipts", 1, 0, 2)
    audit = Audit(world.scripts)
    audit.record("me@here", Act.FIND)
    assert audit.verify().is_whole
    world.pass_s(180)
    assert Folding(world.scripts).fold(world.now_us / 1e6, 10.0)
    Attempts(world.scripts).wait_s(name="ann", address="127.0.0.1")
    ticks = Ticks(world.scripts)
    ticks.may_send(Task.RECOVER)
    ticks.note_unsent(Task.RECOVER)
    take(world.scripts, Task.RECOVER)
    presence = Presence(world.scripts, "gateway:443", "0.1.0 aaaaaaa")
    for i in range(1000):
        presence.tell(f"worker{i}@here", 0.1)
    presence.leave("worker0@here")


def find_what_waits(world: World) -> None:
    """Lines that nobody works off, and lookups of jobs that are gone."""
    for priority in (Queue.URGENT, Queue.NORMAL, Queue.BULK):
        world.enqueue_many(FORGOTTEN, priority)
    gone = {f"jgone{i}": 1 for i in range(10_000)}
    world.redis.zadd(f"{world.keys.namespace}:lookups", gone)
    Matching(world.scripts, world.polls, PLAN).find_lookup(world.limiter.pace, needs_slot=True)
    world.pass_s(3600)
    world.polls.find_due(limit=BATCH)
    assert world.limiter.find_forgotten(limit=FORGOTTEN)


def post_news(world: World) -> None:
    """All the news of the tour: posted, refused for a day, given up, posted again."""
    hooks = Webhooks(world.scripts, start=Start.OLDEST)
    deliveries = f"{world.keys.namespace}:deliveries"
    while hooks.collect():
        world.pass_s(10)
    claimed = hooks.claim(lease_s=30)
    assert claimed
    hooks.settle(claimed, Posted(Answer.FAILED, "ConnectTimeout"))
    world.pass_s(GIVE_UP_MS / 1000)
    while delivery := hooks.claim(lease_s=30):
        hooks.settle(delivery, Posted(Answer.FAILED, "ConnectTimeout"))
    for dead in hooks.dead():
        hooks.replay(dead.id)
    taken = hooks.claim(lease_s=30)
    assert taken
    hooks.settle(taken, Posted(Answer.TAKEN))
    hooks.resume()
    # Their news is gone: nobody posted it in time.
    world.redis.zadd(deliveries, {f"gone{i}": 1 for i in range(MOST_WAITING)})
    hooks.claim(lease_s=30)


def find_again(world: World) -> None:
    """By phone and by reference, in campaigns, and in a list: as much as one call may find."""
    jobs = [new_named_job() for _ in range(500)]
    for job in jobs:
        world.ledger.enqueue(job, Idempotency())
    for what, name in (("p", phone(1)), ("r", "order-1")):
        rows, passed = world.scripts.run("find", what, name, 0, 500, 0)
        assert len(rows) >= 100
        assert passed > 0
    world.start_campaign(5000)
    campaigns = world.redis.zrange(world.keys.campaigns, 0, -1)
    place, rows = "1:1:1", []
    while place:
        more, place = world.scripts.run("find_bulk", phone(1), json.dumps(campaigns), place)
        rows += more
    assert world.scripts.run("list_jobs", "", 0, "dead", "", 0, 100)[1]


def new_named_job() -> NewJob:
    """A quick job that is found by all that there is."""
    request = MessageRequest(name="", alphaname_id="1", text="a", recipients={phone(1): None})
    return NewJob(
        id=new_job_id(),
        kind=Kind.QUICK,
        priority=Queue.NORMAL,
        fields={"on_unknown": "hold", "names": "order-1\nshop"},
        messages=[request],
        has_phone=True,
    )


def name_missing(meter: Meter) -> set[str]:
    """The scripts that the tour never called."""
    return sizes.all_scripts() - {*meter.scripts}

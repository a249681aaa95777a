"""What each key lives by: nothing has a time of its own that is shorter than what it guards."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import smsq
from smsq.campaigns.draft import CampaignDraft
from smsq.domain.outcomes import Verdict
from smsq.intake.new_jobs import digest, new_job_id
from smsq.models import JobState, Kind, MessageRequest
from smsq.names import Queue
from smsq.records.jobs import Claim, Idempotency, NewJob
from smsq.rules.rules import RuleBook
from smsq.store.keys import Keys
from smsq.store.scripts import find_files
from tests.smsq.gathering.test_gathering import new_send
from tests.smsq.world import ACCEPTED, PLAN, RETENTION_MS, World

#: Gone with the job, at the latest: `keys_of` in store.lua.
OF_ITS_JOB = {
    *("job", "message", "recipients", "texts", "gathered", "deadlines", "left_out", "gone", "keys"),
    *("receipts", "regions", "names", "references"),
}
#: Gone with the last job of the campaign, or with the draft.
OF_ITS_CAMPAIGN = {"campaign", "campaign_jobs", "staged", "draft"}
#: Gone with whatever it names or tells of.
OF_WHAT_IT_NAMES = {"key", "timeline"}
#: Lists and sorted sets: each entry goes when what it names goes on or goes away.
BY_ENTRY = {
    *("open", "gathering", "campaigns", "aligning", "drafts", "launching", "ready", "due"),
    *("polls", "listed", "lookups", "held", "held_by", "chores", "index", "enqueued", "spans"),
    *("page_ended", "minutes", "minute"),
}
#: Of the namespace: what was learnt, counted, or said by an operator. A pause is not forgotten.
FOR_EVER = {
    *("limiter", "ticks", "counts", "words", "optout", "optouts", "index_secret", "page_key"),
    *("totals", "audit_head"),
}
#: With a time of their own, and what that is.
OWN_TIME = {
    "cap": "its day",
    "memory": "a tenth of a second",
    "sent_to": "the longest time of SMSQ_PER_PHONE",
    "calendar": "a cache: asked for again when it is gone",
    "disk": "one look at the disk",
    "fitness": "one look at the rights",
    "workers": "as long as a worker is heard of",
    "versions": "as long as a worker is heard of",
    "console": "as long as its message is polled for",
    "settings": "until nobody has said so for a while",
    "heartbeat": "as long as anybody would ask",
    "heartbeat_sms": "ten of its periods",
    "events": "SMSQ_EVENTS_KEEP_S",
    "event_groups": "longer than any stream: who comes back sooner goes on where it was",
    "webhook": "longer than any stream: who comes back sooner goes on where it was",
    "delivery": "the time in which a receiver may be down, and more",
    "deliveries": "as its deliveries",
    "dead_deliveries": "as its deliveries",
    "history": "72 hours",
    "audit": "a year after its newest entry, each of which goes after a year",
    "page_tries": "until as many attempts are free again",
}
NAMED = OF_ITS_JOB | OF_ITS_CAMPAIGN | OF_WHAT_IT_NAMES | BY_ENTRY | FOR_EVER | set(OWN_TIME)

ROOT = Path(smsq.__file__).parents[1]
SCRIPTS = {file.name: file.read_text(encoding="utf-8") for file in find_files().values()}
#: Who gives a key a time of its own.
SET_TIMES = {
    *(
        "agree.lua",
        "attempt.lua",
        "audit.lua",
        "cap.lua",
        "chores.lua",
        "fold.lua",
        "keep.lua",
        "per_phone.lua",
        "reserve.lua",
        "presence.lua",
        "publish.lua",
    ),
    *("recover.lua", "webhook_collect.lua"),
    *(
        "webhook_replay.lua",
        "webhook_settle.lua",
        "webhook_state.lua",
        "smsq/rules/rules.py",
        "smsq/store/durability.py",
        "smsq/store/fitness.py",
    ),
    "smsq/events/groups.py",
    "smsq/measures/folding.py",
    "smsq/steps/console.py",
    "smsq/steps/heartbeat/sms.py",
}


def test_every_family_of_keys_is_named_here_with_what_it_lives_by() -> None:
    in_scripts = {
        family
        for text in SCRIPTS.values()
        for family in re.findall(r"(?:\bkey\(|ask_shards\([^\n]*?, [^\n]*?)'([a-z_]+)[':]", text)
    }
    header = SCRIPTS["lib.lua"].partition("-- Keys, all below")[2].partition("\n--\n")[0]
    listed = set(re.findall(r"(?:^--   |; )([a-z_]+)(?::<| {2})", header, re.M))
    keys = Keys("ns")
    in_python = set()
    for name, made in vars(Keys).items():
        if isinstance(made, property):
            in_python.add(str(getattr(keys, name)).split(":")[1])
        elif callable(made) and not name.startswith("_"):
            in_python.add(made(keys, *"xyz"[: made.__code__.co_argcount - 1]).split(":")[1])

    assert listed == NAMED
    assert in_python <= NAMED
    assert in_scripts <= NAMED


def test_nobody_else_gives_a_key_a_time_of_its_own() -> None:
    found = {
        name
        for name, text in SCRIPTS.items()
        if re.search(r"'P?EXPIRE(AT)?'|'P?SETEX'|'[EP]X(AT)?'", text)
    }
    for package in ("smsq", "config", "tasks", "worker"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if re.search(r"\.p?expire(at)?\(|\b[ep]x(at)?=|\.p?setex\(", text):
                found.add(path.relative_to(ROOT).as_posix())

    assert found == SET_TIMES


def live_a_little(world: World) -> None:
    """Send something of every kind, with a key each, under every rule."""
    world.rule_book = RuleBook(world.scripts, quiet=None, cap_per_day=5, home="Europe/Minsk")
    draft = CampaignDraft(
        world.staging,
        fields={"on_unknown": "hold", "names": "sale\nshop"},
        max_recipients=2,
        key=digest("sale"),
    )
    for name, text in (("Sale", "Half price"), ("Bills", None)):
        draft.start_message(MessageRequest(name=name, alphaname_id="1", text=text, recipients={}))
        for phone in ("375291234567", "48501234567", "375291234569"):
            draft.add(phone, None if text else "You owe 5", f"row-{phone}")
    draft.commit(Idempotency(key=digest("sale")))
    for n in range(3):
        send = replace(new_send(world, n, expires_in_s=100), names=f"bill-{n}", has_phone=True)
        world.ledger.gather(send, Idempotency(key=digest(f"bill {n}"), content="c"))
    job = NewJob(
        id=new_job_id(),
        kind=Kind.QUICK,
        priority=Queue.NORMAL,
        fields={"on_unknown": "hold", "names": "order-1"},
        has_phone=True,
        messages=[MessageRequest(name="", alphaname_id="1", text="t", recipients={"3752": None})],
    )
    world.ledger.enqueue(job, Idempotency(key=digest("code"), content="c"))


def families_of(world: World) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in world.redis.scan_iter(f"{world.keys.namespace}:*"):
        found.setdefault(key.removeprefix(f"{world.keys.namespace}:").split(":")[0], set()).add(key)
    return found


def check_times(world: World) -> None:
    for family, keys in families_of(world).items():
        for key in keys:
            assert (world.redis.pttl(key) > 0) is (family in OWN_TIME), key


def test_keys_have_times_of_their_own_where_that_is_said_and_the_rest_goes_with_its_job(
    world: World,
) -> None:
    live_a_little(world)
    check_times(world)
    world.pass_s(5)
    world.recover()
    for state in ("accepted", "dead", "unknown", "rejected", "waiting", "accepted", "accepted"):
        claim = world.take()
        if isinstance(claim, Claim):
            verdict = ACCEPTED if state == "accepted" else Verdict(state=JobState(state))
            world.claims.settle(claim, verdict, PLAN)
            if state == "unknown":
                world.polls.apply_receipt(claim.job_id, b"{}", {1: 5}, unmatched=1, plan=PLAN)
        check_times(world)
    for _ in range(30):
        world.pass_s(max(PLAN.horizon_ms, RETENTION_MS) / 1000)
        while claim := world.take():
            if isinstance(claim, Claim):
                world.claims.settle(claim, Verdict(state=JobState.REJECTED), PLAN)
        world.recover()
        check_times(world)

    left = set(families_of(world))
    assert left <= FOR_EVER | set(OWN_TIME) | {"minutes", "minute"}, left
    assert not any(world.views.stats(10).jobs.values())
    assert not any(world.views.stats(10).recipients.values())

"""A right taken away in the middle: a call has done all that it does or nothing, and says which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from smsq import PersonalMessage, QueueUnavailableError, QuickMessage, SmsQueue
from smsq.models import JobState
from smsq.settings import Settings
from smsq.store.fitness import PROBES
from smsq.store.keys import Keys
from tests.support import RedisServer, has_at_least

pytestmark = pytest.mark.real_redis

PHONES = [f"+37529123456{n}" for n in range(4)]
LATER = datetime.now(UTC) + timedelta(days=1)
#: These cannot know which of their pieces was refused.
IN_PIECES = {"send_quick_many", "optout"}
#: What a draft is kept in; nobody sees it before its commit.
OF_DRAFTS = re.compile(r":(draft|staged|drafts)\b")

Acted = Callable[[SmsQueue, str], Any]


@dataclass(frozen=True)
class Call:
    """A public call that writes.

    Attributes:
        act: Does it, given the id that `begin` returned; may be repeated.
        done: Whether the ledger has all of it, given the same and what `act` returned.
        begin: What is there before.
    """

    act: Acted
    done: Callable[[SmsQueue, str, Any], bool]
    begin: Callable[[SmsQueue], str] = lambda _: ""


def send_one(queue: SmsQueue) -> str:
    return queue.send_quick(PHONES[0], "code", key="one")


def send_campaign(queue: SmsQueue) -> str:
    texts = [(phone, "dear") for phone in PHONES]
    return queue.send_bulk([PersonalMessage(name="May", texts=texts)], key="May")


def is_whole(queue: SmsQueue, _: str, some_id: str) -> bool:
    return sum(queue.status(some_id).counts.values()) == 1


def is_whole_campaign(queue: SmsQueue, _: str, campaign_id: str) -> bool:
    [campaign] = queue.campaigns()
    return campaign.id == campaign_id and sum(campaign.counts.values()) == len(PHONES)


def is_held(queue: SmsQueue, campaign_id: str, how: str) -> bool:
    brake = queue.campaign(campaign_id).brake
    return brake is not None and brake.state == how


CALLS: Mapping[str, Call] = {
    "send_quick": Call(lambda queue, _: send_one(queue), is_whole),
    "send_quick later": Call(
        lambda queue, _: queue.send_quick(PHONES[0], "code", key="one", send_at=LATER), is_whole
    ),
    "send_personal": Call(
        lambda queue, _: queue.send_personal(PHONES[0], "dear", key="one"), is_whole
    ),
    "send_quick_many": Call(
        lambda queue, _: queue.send_quick_many(
            [QuickMessage(phone=phone, text="code", key=phone) for phone in PHONES]
        ),
        lambda queue, _, ids: all(is_whole(queue, "", one) for one in ids),
    ),
    "send_bulk": Call(lambda queue, _: send_campaign(queue), is_whole_campaign),
    "cancel a job": Call(
        lambda queue, job: queue.cancel(job),
        lambda queue, job, _: queue.status(job).state is JobState.CANCELLED,
        send_one,
    ),
    "cancel a campaign": Call(
        lambda queue, campaign: queue.cancel(campaign),
        lambda queue, campaign, _: is_held(queue, campaign, "cancelled"),
        send_campaign,
    ),
    "pause": Call(
        lambda queue, campaign: queue.pause(campaign),
        lambda queue, campaign, _: is_held(queue, campaign, "paused"),
        send_campaign,
    ),
    "reschedule": Call(
        lambda queue, job: queue.reschedule(job, LATER),
        lambda queue, job, _: queue.status(job).state is JobState.WAITING,
        send_one,
    ),
    "optout": Call(
        lambda queue, _: queue.optout.add(PHONES[:1]),
        lambda queue, _, __: queue.optout.count() == 1,
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def admin(server: RedisServer) -> Iterator[Redis]:
    if not has_at_least(server.url, 7):
        pytest.skip("before Redis 7 a script cannot ask for rights")
    client = Redis(port=server.port)
    client.execute_command("ACL", "SETUSER", "sms", "reset", "on", ">q", "~*", "&*", "+@all")
    yield client
    client.close()


@pytest.fixture
def queue(server: RedisServer, environ: dict[str, str]) -> Iterator[SmsQueue]:
    url = f"redis://sms:q@127.0.0.1:{server.port}/0"
    own = {"SMSQ_REDIS_URL": url, "SMSQ_BROKER_URL": "memory://", "SMSQ_BULK_MAX_RECIPIENTS": "2"}
    made = SmsQueue(settings=Settings.from_env(environ | own))
    yield made
    made.close()


def look(admin: Redis, namespace: str) -> Mapping[str, bytes]:
    """Everything that is there, but for what is not live, the clock, and what a thread says."""
    keys: Any = admin.keys(f"{namespace}:*")
    found = [key.decode() for key in keys]
    staged: list[Any] = [
        job for key in found if ":staged:" in key for job in admin.lrange(key, 0, -1)
    ]
    return {
        key: admin.dump(key) or b""
        for key in found
        if not OF_DRAFTS.search(key)
        and key not in {Keys(namespace).limiter, Keys(namespace).settings}
        and not any(job.decode() in key for job in staged)
    }


@pytest.mark.parametrize("name", CALLS)
def test_whichever_right_is_missing_a_call_is_done_whole_or_not_at_all(
    name: str, queue: SmsQueue, admin: Redis
) -> None:
    call, namespace = CALLS[name], queue.settings.namespace
    refused = 0
    for command in PROBES:
        admin.flushall()
        given = call.begin(queue)
        before = look(admin, namespace)
        right = command.lower().replace(" ", "|")
        admin.execute_command("ACL", "SETUSER", "sms", f"-{right}")
        error = None
        try:
            call.act(queue, given)
        except QueueUnavailableError as caught:
            error = caught
        after = look(admin, namespace)
        admin.execute_command("ACL", "SETUSER", "sms", "+@all")
        if error:
            refused += 1
            assert after == before, (command, after.keys() ^ before.keys())
            assert error.may_be_stored is (name in IN_PIECES), command

        assert call.done(queue, given, call.act(queue, given)), command
    assert refused > 3

"""The rights that docs/redis-users.acl gives suffice for all of smsq, and nothing asks for more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from smsq.models import BulkMessage, JobState, RecipientState
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.simulator.options import Options
from smsq.simulator.server import start_in_thread
from tests.support import RedisServer, start_child, wait_until

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "redis-users.acl"
PASSWORD = "a-long-password-of-the-test"
ADMIN = f"user admin on >{PASSWORD} ~* &* +@all\n"

#: Subcommands have rights of their own since Redis 7.
pytestmark = [pytest.mark.slow, pytest.mark.real_redis]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    users = RECIPE.read_text().replace("write-a-password-here", PASSWORD)
    (tmp_path / "users.acl").write_text(users + ADMIN)
    made = RedisServer(tmp_path, "--aclfile", str(tmp_path / "users.acl"))
    made.url = f"redis://admin:{PASSWORD}@127.0.0.1:{made.port}/0"
    with made:
        yield made


def test_everything_works_with_the_rights_of_the_recipe(server: RedisServer) -> None:
    url = server.url.replace("admin", "smsq")
    with start_in_thread(Options(sent_after_s=0, final_after_s=0)) as gateway, ExitStack() as ends:
        environ = {
            "PATH": os.environ["PATH"],
            "SMSQ_REDIS_URL": url,
            "SMSQ_GATEWAY_URL": gateway.url,
            "SMSQ_GATEWAY_TOKEN": "simulator-token",
            "SMSQ_ALPHANAME_ID": "123",
            "SMSQ_RATE_PER_S": "100",
            "SMSQ_POLL_FIRST_S": "0.2",
            "SMSQ_GATHER_S": "0.2",
            "SMSQ_WEB_OPERATORS": f"ann:{PASSWORD}",
            "SMSQ_ADMIN_LISTEN": "127.0.0.1:0",
            "PORT": "0",
        }
        for process in ("worker", "beat", "web"):
            command = ["env", *(f"{name}={value}" for name, value in environ.items())]
            child = start_child([*command, sys.executable, "-m", "smsq.cli", process])
            ends.callback(child.wait)
            ends.callback(child.terminate)
        queue = ends.enter_context(closing(SmsQueue(settings=Settings.from_env(environ))))
        use(queue)
        for shown in ("doctor", "stats", "history", "audit", "jobs", "dead list"):
            subprocess.run(
                [sys.executable, "-m", "smsq.cli", *shown.split(), "--json"],
                env=environ,
                stdout=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
        with redis.Redis.from_url(server.url, decode_responses=True) as admin:
            refused = {(row["reason"], row["object"]) for row in admin.acl_log()}
    assert not refused


def use(queue: SmsQueue) -> None:
    """Lead messages of each kind to their end, and steer a campaign on the way."""
    code = queue.send_quick("+375291234567", "code", priority="urgent", key="login-1")
    shared = queue.send_personal("+375291234568", "You owe 5", reference="bill-1")
    phones = [f"+3752912{n:05}" for n in range(50)]
    campaign = queue.send_bulk([BulkMessage(name="Sale", text="sale", phones=phones)])
    queue.pause(campaign)
    queue.resume(campaign)
    queue.optout.add(["+375291234569"])
    reader = queue.events(group="shop", consumer="one", start="oldest")

    def are_through() -> bool:
        # Message ids of what shares requests come with receipts, and the gateway is told of none.
        sent = {JobState.ACCEPTED, JobState.DONE}
        is_delivered = queue.status(code).counts.get(RecipientState.DELIVERED) == 1
        others = {queue.status(shared).state, queue.campaign(campaign).state}
        return is_delivered and others <= sent

    wait_until(are_through, "all of it is sent, and the code delivered", deadline_s=60)
    assert queue.find(reference="bill-1")
    assert next(iter(reader))
    assert queue.status(code).state is JobState.DONE

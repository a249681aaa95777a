"""`SmsQueue.close` leaves nothing behind: no connection, and no script that hangs at its end."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redis

from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.support import RedisServer, wait_until

SCRIPT = """
import socket, threading
import smsq
from smsq.cli.running.fake_redis import make_fake_redis

with socket.create_server(("127.0.0.1", 0)) as taken:
    port = taken.getsockname()[1]
server = make_fake_redis(port)
threading.Thread(target=server.serve_forever, daemon=True).start()
queue = smsq.SmsQueue(f"redis://127.0.0.1:{port}/0")
print(queue.send_quick("+375291234567", "Your code is 4821", alphaname_id="1"))
queue.close()
"""


@pytest.mark.real_redis
def test_no_connection_of_any_namespace_and_thread_stays(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, redis.Redis.from_url(server.url) as watcher:
        queues = [
            SmsQueue(
                settings=Settings.from_env(
                    {"SMSQ_REDIS_URL": server.url, "SMSQ_NAMESPACE": name, "SMSQ_ALPHANAME_ID": "1"}
                )
            )
            for name in ("shop", "another")
        ]

        def use() -> None:
            for queue in queues:
                queue.status(queue.send_quick("+375291234567", "Your code is 4821"))

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(watcher.client_list()) > 4  # ledger and broker of both

        for queue in queues:
            queue.close()

        wait_until(lambda: len(watcher.client_list()) == 1, "only the watcher is connected")


def test_a_script_with_a_server_in_a_thread_ends() -> None:
    # Each connection has a thread of the server's that ends with it; Python waits for all of them.
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=30, check=True
    )

    assert ended.stdout.startswith("j")

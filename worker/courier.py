"""The courier: a thread of the `web` process that posts news to the webhook.

In:  deliveries from the ledger. Out: signed posts; what is not taken is tried again later.

It waits in no request's way: it has its own connection to Redis, and whatever its receiver does
ends with the deadline of one post.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial

from redis.exceptions import RedisError

from smsq.events.posts import Answer, Delivery, Posted, judge
from smsq.events.signatures import sign_headers
from smsq.events.webhooks import Settled, Webhooks
from smsq.gateway.http.deadline import exchange
from smsq.gateway.http.transport import make_session
from smsq.settings import Settings
from smsq.store.connection import WORKER_TIMEOUT_S, connect
from smsq.store.refusals import say
from smsq.store.scripts import Scripts

log = logging.getLogger(__name__)

#: For one post, from the name's look-up to the answer's headers; its body is not read.
POST_TIMEOUT_S = 10.0

#: Another process may try when this one died with a delivery in hand.
LEASE_S = POST_TIMEOUT_S + 20.0

#: Pause when there is nothing to do, or no Redis.
IDLE_S = 0.5

#: The process does not wait longer for a post when it stops: the lease makes it good.
STOP_S = 5.0


class Courier:
    """Posts deliveries, one after the other.

    Args:
        webhooks: Where deliveries come from.
        url: The receiver's.
        secrets: Sign what is posted, the newest first.
        timeout_s: For one post.
        ca_file: PEM with the certificates to trust; "" for those that come with requests.
        proxy: URL of an HTTP proxy on the way; "" for none.
    """

    def __init__(
        self,
        webhooks: Webhooks,
        url: str,
        secrets: Sequence[str],
        *,
        timeout_s: float = POST_TIMEOUT_S,
        ca_file: str = "",
        proxy: str = "",
    ) -> None:
        self._webhooks = webhooks
        self._url = url
        self._secrets = secrets
        self._timeout_s = timeout_s
        self._has_begun = False
        self._make_session = partial(make_session, ca_file=ca_file, proxy=proxy)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop."""
        while not stop.is_set():
            try:
                has_worked = self.step()
            except RedisError as error:
                log.warning("webhook waits: %s", say(error), extra={"repeats": "webhook waits"})
                has_worked = False
            except Exception as error:  # noqa: BLE001 - the thread must outlive what nobody foresaw
                log.error("webhook: %s", type(error).__name__)  # noqa: TRY400 - it may hold the URL
                has_worked = False
            if not has_worked:
                stop.wait(IDLE_S)

    def step(self) -> bool:
        """Take news out of the stream and post one delivery; False when there was none."""
        if not self._has_begun and self._webhooks.has_ended():
            say_ended()
        self._has_begun = True
        self._webhooks.collect()
        delivery = self._webhooks.claim(lease_s=LEASE_S)
        if delivery is None:
            return False
        posted = self.post(delivery) if delivery.events else Posted(Answer.TAKEN)
        settled = self._webhooks.settle(delivery, posted)
        level = logging.INFO if settled in {Settled.TAKEN, Settled.MORE} else logging.WARNING
        log.log(
            level,
            "webhook delivery=%(delivery)s events=%(events)d attempt=%(attempt)d: "
            "%(outcome)s %(why)s",
            {
                "delivery": delivery.message_id,
                "events": len(delivery.events),
                "attempt": delivery.attempts,
                "outcome": settled,
                "why": posted.error,
            },
        )
        if settled is Settled.ENDED:
            say_ended()
        return True

    def post(self, delivery: Delivery) -> Posted:
        """Post once."""
        body, timestamp = delivery.body, str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            **sign_headers(body, delivery.message_id, timestamp, self._secrets),
        }
        with self._make_session() as session, exchange(self._timeout_s):
            try:
                response = session.post(
                    self._url,
                    data=body,
                    headers=headers,
                    timeout=self._timeout_s,
                    allow_redirects=False,
                    stream=True,
                )
            except Exception as error:  # noqa: BLE001 - whatever it is, it may hold the URL
                return Posted(Answer.FAILED, type(error).__name__)
            response.close()
        return judge(response.status_code, response.headers, now=datetime.now(UTC))


def say_ended() -> None:
    """Say once that nothing is posted any more; `smsq doctor` goes on saying so."""
    log.error(
        "webhook: the receiver answered 410: nothing is posted until `smsq webhook resume`, "
        "or another SMSQ_WEBHOOK_URL"
    )


@contextmanager
def courier_at_work(settings: Settings) -> Iterator[None]:
    """Let a courier work during the block, where the settings name a receiver."""
    if not settings.webhook_url:
        yield
        return
    redis = connect(settings.redis_url, timeout_s=WORKER_TIMEOUT_S)
    scripts = Scripts.of(redis, settings)
    webhooks = Webhooks(scripts, url=settings.webhook_url, start=settings.webhook_start)
    with suppress(RedisError):
        # What happens from now on is for a webhook that is new.
        webhooks.collect()
    courier = Courier(
        webhooks,
        settings.webhook_url,
        settings.webhook_secrets,
        ca_file=settings.webhook_ca_file,
        proxy=settings.webhook_proxy,
    )
    stop = threading.Event()
    thread = threading.Thread(target=courier.run, args=(stop,), name="courier", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(STOP_S)
        redis.close()

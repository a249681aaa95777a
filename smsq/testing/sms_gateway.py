"""A gateway for a test: the simulator in a thread, and a worker's steps when the test says so.

In:  what is in the outbox. Out: real requests over loopback; states as the gateway's book has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from smsq.models import Kind
from smsq.records.jobs import Claim
from smsq.simulator.gateway import Gateway
from smsq.simulator.options import Options, ReceiptShape, change
from smsq.simulator.receipts import write_receipt
from smsq.simulator.server import start_in_thread
from smsq.steps.resources import Resources
from smsq.testing.clock import Clock
from smsq.testing.drain import drain
from smsq.testing.sms_outbox import Outbox, outbox
from smsq.testing.worker_within import TOKEN, build_worker

#: What `drain` does unless told otherwise: all that happens within an hour.
HOUR_S = 3600.0

#: Nobody waits: reports are there at once, and an answer that stalls never comes.
_AT_ONCE = {"sent_after_s": 0, "final_after_s": 0, "stall_s": 0}


class SmsGateway:
    """A simulated gateway with magic numbers, and the queue's way to it; `gateway` makes one.

    Attributes:
        url: Of its API and its book.
        outbox: What was enqueued.
    """

    def __init__(self, url: str, simulated: Gateway, outbox: Outbox) -> None:
        self.url = url
        self.outbox = outbox
        self._simulated = simulated
        self._workers: dict[str, Resources] = {}
        self._last_id = 0

    @property
    def clock(self) -> Clock:
        """The time as the queues and the gateway have it: `clock.advance(minutes=6)`."""
        return self.outbox.clock

    @property
    def accepted(self) -> Mapping[tuple[str, str], int]:
        """How often each phone and text was accepted."""
        return dict(self._simulated.book.accepted)

    def change(self, **options: object) -> None:
        """Change how it behaves: `rate_per_s=2`, `undelivered_share=1`, `sent_after_s=60`.

        Raises:
            ValueError: It has no such option, or the value is none of it.
        """
        self._simulated.options = change(self._simulated.options, options)

    def drain(self, *, for_s: float = HOUR_S) -> None:
        """Send and poll as workers do, until nothing is left to do within `for_s` of the clock.

        The clock is put ahead as far as needed: to the next poll, to the end of a pause. What is to
        be sent later than that stays where it is.
        """
        for namespace in self.outbox.namespaces:
            worker = self._workers.get(namespace) or build_worker(namespace, self.url)
            self._workers[namespace] = worker
            after_send = partial(self._post_receipt, worker)
            drain(worker, self.clock, for_s=for_s, after_send=after_send)

    def close(self) -> None:
        """Close the connections to it."""
        for worker in self._workers.values():
            worker.close()

    def _post_receipt(self, worker: Resources, claim: Claim) -> None:
        """Give the queue the receipt of a bulk request that was accepted, whatever it heard."""
        messages = self._simulated.book.messages
        new = [message for number, message in messages.items() if number > self._last_id]
        self._last_id = max(messages, default=0)
        if new and claim.kind is Kind.BULK:
            content_type, body = write_receipt(new, ReceiptShape.JSON)
            worker.matching.take_receipt(claim.job_id, body, content_type)


@contextmanager
def gateway(messages: Outbox | None = None, **options: object) -> Iterator[SmsGateway]:
    """Run a gateway for the block.

    Args:
        messages: The outbox that it sends from; None for a new one.
        **options: Of the simulator, as for `SmsGateway.change`.
    """
    with ExitStack() as stack:
        messages = messages if messages is not None else stack.enter_context(outbox())
        chosen = change(Options(token=TOKEN, magic=True), _AT_ONCE | options)
        simulated = Gateway(chosen, time_s=messages.clock.time_s)
        running = stack.enter_context(start_in_thread(gateway=simulated))
        made = SmsGateway(running.url, simulated, messages)
        stack.callback(made.close)
        yield made

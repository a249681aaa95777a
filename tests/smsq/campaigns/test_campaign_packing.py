"""A campaign's messages share requests up to the limit; the gateway's contract is the judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from smsq.campaigns.draft import CampaignDraft
from smsq.gateway.calls import bulk_call
from smsq.models import MessageRequest
from smsq.records.jobs import Claim, Idempotency
from smsq.simulator import contract
from smsq.simulator.contract import Bulk
from tests.smsq.world import World

FIRST = 375291000000

#: Two in three have a text for each recipient.
KINDS = [
    MessageRequest(name="Bills", alphaname_id="123", text=None, recipients={}),
    MessageRequest(name="Sale", alphaname_id="7", text="Half price", recipients={}),
    MessageRequest(
        name="Later",
        alphaname_id="123",
        text=None,
        recipients={},
        schedule_time="2030-11-05T09:30:00",
    ),
]


def pack(world: World, sizes: Sequence[int], most: int) -> list[Bulk]:
    """Send messages of these sizes; returns the requests as the gateway reads them."""
    draft = CampaignDraft(world.staging, fields={"on_unknown": "hold"}, max_recipients=most)
    for place, size in enumerate(sizes):
        kind = KINDS[place % len(KINDS)]
        draft.start_message(replace(kind, name=f"{kind.name} {place}"))
        for n in range(size):
            draft.add(str(FIRST + n), None if kind.text else f"You owe {place}.{n}")
    draft.commit(Idempotency())
    requests = {}
    while isinstance(claim := world.take(), Claim):
        document = bulk_call(claim.messages, "").document
        assert document is not None
        requests[claim.job_id] = contract.read_bulk(document, most)
    return [requests[job_id] for job_id in draft.job_ids]


@pytest.mark.parametrize(
    ("sizes", "packed"),
    [
        ([10], [[10]]),
        ([9], [[9]]),
        ([11], [[10], [1]]),
        ([10, 10], [[10], [10]]),
        ([9, 1], [[9, 1]]),
        ([9, 2], [[9, 1], [1]]),
        ([1] * 10, [[1] * 10]),
        ([1] * 11, [[1] * 10, [1]]),
        ([21, 9], [[10], [10], [1, 9]]),
        ([3, 0, 7], [[3, 7]]),
    ],
    ids=str,
)
def test_messages_share_a_request_up_to_the_limit(
    world: World, sizes: list[int], packed: list[list[int]]
) -> None:
    requests = pack(world, sizes, 10)

    assert [[len(part.recipients) for part in request.parts] for request in requests] == packed


@pytest.mark.parametrize(("size", "requests"), [(999, 1), (1000, 1), (1001, 2)])
def test_the_default_limit_holds_to_the_last_recipient(
    world: World, size: int, requests: int
) -> None:
    assert len(pack(world, [size], 1000)) == requests


def test_what_shares_a_request_keeps_its_sender_its_time_and_its_texts(world: World) -> None:
    [request] = pack(world, [2, 2, 2], 10)

    bills, sale, later = request.parts
    assert [part.name for part in request.parts] == ["Bills 0", "Sale 1", "Later 2"]
    assert [part.alphaname_id for part in request.parts] == ["123", "7", "123"]
    # A phone may stand in several messages of one request, once in each.
    assert bills.recipients == {str(FIRST): "You owe 0.0", str(FIRST + 1): "You owe 0.1"}
    assert sale.recipients == {str(FIRST): "Half price", str(FIRST + 1): "Half price"}
    assert [part.schedule_time is None for part in request.parts] == [True, True, False]
    assert later.recipients[str(FIRST)] == "You owe 2.0"


def test_a_message_that_is_split_keeps_its_texts_with_their_phones(world: World) -> None:
    requests = pack(world, [4, 0, 0, 23], 10)

    sent = [
        (part.name, phone, text)
        for request in requests
        for part in request.parts
        for phone, text in part.recipients.items()
    ]
    assert len(requests) == 3
    assert sorted(sent) == sorted(
        [("Bills 0", str(FIRST + n), f"You owe 0.{n}") for n in range(4)]
        + [("Bills 3", str(FIRST + n), f"You owe 3.{n}") for n in range(23)]
    )

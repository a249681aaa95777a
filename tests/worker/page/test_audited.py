"""Every button of the page: it writes the name of whoever is logged in into the audit trail.

A new button stands not in the table below, and fails here until somebody says what it writes down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from smsq.audit.acts import Act
from smsq.audit.audit import Audit
from smsq.queue import SmsQueue
from smsq.settings import Settings
from tests.smsq.stage import PHONE, Stage, set_up
from tests.smsq.world import World
from tests.worker.page.browsing import OPERATOR, Visitor
from worker.page.pages import PAGES

#: Path of a button → what stands in it, the fields of its form, what it writes down.
BUTTONS: Mapping[str, tuple[str, dict[str, str], Act]] = {
    "/pause": ("", {}, Act.PAUSE),
    "/resume": ("", {}, Act.RESUME),
    "/rate": ("", {"rate": "2,5"}, Act.RATE),
    "/campaigns/{campaign_id}/pause": ("campaign", {}, Act.PAUSE),
    "/campaigns/{campaign_id}/resume": ("paused", {}, Act.RESUME),
    "/campaigns/{campaign_id}/cancel": ("campaign", {}, Act.CANCEL),
    "/find/{job_id}/phones": ("queued", {}, Act.RECIPIENTS),
    "/stuck/job/{job_id}/resend": ("unknown", {}, Act.RESEND),
    "/stuck/job/{job_id}/accepted": ("unknown", {}, Act.SETTLE),
    "/stuck/job/{job_id}/rejected": ("unknown", {}, Act.SETTLE),
    "/stuck/job/{job_id}/retry": ("dead", {}, Act.RETRY),
    "/stuck/all/resend": ("", {"sure": "1"}, Act.RESEND),
    "/stuck/all/accepted": ("", {"sure": "1"}, Act.SETTLE),
    "/stuck/all/rejected": ("", {"sure": "1"}, Act.SETTLE),
    "/stuck/all/retry": ("", {"sure": "1"}, Act.RETRY),
    "/stuck/unmatched/{job_id}": ("accepted", {"name": "Sale", "message_id": "501"}, Act.ATTACH),
    "/stuck/delivery/{delivery_id}": ("delivery", {}, Act.WEBHOOK_REPLAY),
    "/stuck/webhook": ("", {}, Act.WEBHOOK_RESUME),
}


@pytest.fixture
def world(settings: Settings) -> Iterator[World]:
    made = World(settings)
    yield made
    made.redis.close()


@pytest.fixture
def stage(world: World, queue: SmsQueue, tmp_path: Path) -> Stage:
    return set_up(world, queue, tmp_path)


def fill_in(path: str, target: str) -> str:
    before, brace, rest = path.partition("{")
    return before + target + rest.partition("}")[2] if brace else path


def test_every_button_is_in_the_table() -> None:
    acts = {act.path for page in PAGES for act in page.acts if not act.for_readers}
    deeds = {"resend", "accepted", "rejected", "retry"}
    paths = {path.replace("{deed}", deed) for path in acts for deed in deeds}

    assert paths == set(BUTTONS)


@pytest.mark.parametrize("path", BUTTONS)
def test_who_pressed_stands_in_the_trail(
    operator: Visitor, reader: Visitor, stage: Stage, world: World, path: str
) -> None:
    name, fields, act = BUTTONS[path]
    target = getattr(stage, name) if name else ""
    pressed = fill_in(path, target)

    assert reader.post_fields(pressed, fields).status_code == 403
    assert Audit(world.scripts).read() == []
    answer = operator.post_fields(pressed, fields)

    assert answer.status_code in {200, 303}, answer.text
    [entry] = Audit(world.scripts).read()
    assert (entry.by, entry.act) == (OPERATOR[0], act)
    assert entry.target == target or not target
    assert PHONE not in str(entry)

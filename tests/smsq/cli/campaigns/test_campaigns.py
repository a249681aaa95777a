"""`smsq campaigns`, `failed`, and the brakes on the command line."""

from __future__ import annotations

import csv
import io
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smsq.domain.outcomes import Verdict
from smsq.models import BulkMessage, JobState, PersonalMessage, RecipientState
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.status.status import BrakeState
from smsq.text.phones import write_phone
from tests.smsq.campaigns.test_brakes import REFUSED, accept_one, report, take_job
from tests.smsq.cli.conftest import Smsq
from tests.smsq.world import PLAN, World

PHONES = [f"37529{1000000 + i}" for i in range(20)]


def send(queue: SmsQueue, phones: list[str] = PHONES, **options: Any) -> str:
    return queue.send_bulk([BulkMessage(name="Sale", text="hi", phones=phones)], **options)


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_campaigns_are_listed_newest_first(queue: SmsQueue, smsq_json: Callable[..., Any]) -> None:
    older = send(queue)
    newer = send(queue, PHONES[:5], canary=2)
    queue.cancel(older)

    found = smsq_json("campaigns")["campaigns"]
    assert [one["id"] for one in found] == [newer, older]
    assert found[0]["brake"]["state"] == "canary"
    assert found[0]["jobs"] == {"queued": 1, "waiting": 1}
    assert found[1]["name"] == "Sale"
    assert found[1]["brake"]["state"] == "cancelled"
    assert found[1]["counts"] == {"undelivered": 20}
    assert found[1]["unsent"] == {"cancelled": 20}
    assert found[1]["progress"] == 1
    assert [one["id"] for one in smsq_json("campaigns", "--limit", "1")["campaigns"]] == [newer]


def test_a_list_without_campaigns_says_so(smsq: Smsq) -> None:
    assert smsq("campaigns").stdout == "no campaigns\n"


def test_the_list_says_what_holds_a_campaign_up(queue: SmsQueue, smsq: Smsq) -> None:
    campaign = send(queue)
    queue.pause(campaign)

    shown = smsq("campaigns").stdout
    assert campaign in shown
    assert "paused: by " in shown


def test_a_campaign_pauses_and_goes_on(
    queue: SmsQueue, smsq: Smsq, smsq_json: Callable[..., Any]
) -> None:
    campaign = send(queue)

    told = smsq_json("pause", campaign)
    assert (told["changed"], told["state"], told["brake"]["state"]) == (True, "waiting", "paused")
    assert smsq_json("stats")["rate"]["closed_for_s"] == 0  # others go on
    assert smsq("pause", campaign).stdout.startswith("nothing changed; paused: by ")
    assert smsq_json("status", campaign)["brake"]["state"] == "paused"
    assert f"smsq resume {campaign} continues it" in smsq("status", campaign).stdout

    assert smsq_json("resume", campaign) == {
        "id": campaign,
        "changed": True,
        "state": "queued",
        "brake": None,
    }
    assert "brake" not in smsq_json("status", campaign)
    assert smsq("resume", campaign).stdout == "nothing changed; it is not held up: queued\n"


def test_a_cancelled_campaign_says_how_many_were_called_off(queue: SmsQueue, smsq: Smsq) -> None:
    campaign = send(queue)

    assert smsq("cancel", campaign).stdout == "1 job cancelled; it is cancelled\n"
    assert "unsent      20 cancelled" in smsq("status", campaign).stdout
    result = smsq("resume", campaign)
    assert result.exit_code == 2
    assert "is cancelled: enqueue a new one" in result.stderr


def test_a_brake_for_no_campaign_is_exit_code_4(queue: SmsQueue, smsq: Smsq) -> None:
    job = queue.send_quick(PHONES[0], "hi")

    for command in ("pause", "resume"):
        assert smsq(command, job).exit_code == 4
    assert smsq("failed", "c1", "x.csv").exit_code == 4


def test_options_of_a_campaign_need_its_id(smsq: Smsq) -> None:
    for options in (["--anyway"], ["--max-failed", "10%"]):
        result = smsq("resume", *options)
        assert result.exit_code == 2
        assert "write its ID" in result.stderr


def test_send_bulk_takes_a_canary_and_a_bound(
    queue: SmsQueue, smsq_json: Callable[..., Any], world: World, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_text("phone\n" + "\n".join(PHONES))
    args = ("send-bulk", "list.csv", "--name", "Sale", "--text", "hi")
    told = smsq_json(*args, "--canary", "5", "--max-failed", "25%")

    assert told["jobs"] == 2
    assert world.campaign(told["id"]).jobs == {JobState.QUEUED: 1, JobState.WAITING: 1}
    kept = world.redis.hget(world.keys.campaign(told["id"]), "max_failed_ppm")
    assert kept == "250000"
    assert smsq_json("resume", told["id"], "--anyway")["state"] == "queued"


@pytest.mark.parametrize("share", ["10", "-1%", "101%", "x", "1%%", "nan", ""])
def test_a_share_that_is_none_says_what_to_write(smsq: Smsq, tmp_path: Path, share: str) -> None:
    (tmp_path / "list.csv").write_text("phone\n375291234567\n")
    result = smsq("send-bulk", "list.csv", "--name", "x", "--text", "hi", "--max-failed", share)

    assert result.exit_code == 2
    assert "write a share like 10% or 0.1" in result.stderr


def test_a_canary_of_nobody_says_what_to_write(smsq: Smsq, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("phone\n375291234567\n")
    result = smsq("send-bulk", "list.csv", "--name", "x", "--text", "hi", "--canary", "0")

    assert result.exit_code == 2
    assert "canary: write whole recipients" in result.stderr


def test_why_tells_a_campaigns_story(queue: SmsQueue, smsq: Smsq) -> None:
    campaign = send(queue)
    queue.pause(campaign)
    queue.resume(campaign)

    lines = smsq("why", campaign).stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["created", "paused", "resumed"]


def test_why_tells_that_a_job_is_parked(queue: SmsQueue, smsq: Smsq, world: World) -> None:
    campaign = send(queue)
    queue.pause(campaign)
    job = str(world.redis.lindex(world.keys.campaign_jobs(campaign), 0))

    assert "parked: its campaign is paused" in smsq("why", job).stdout


def test_a_watched_campaign_says_what_holds_it_up(queue: SmsQueue, smsq: Smsq) -> None:
    campaign = send(queue)
    queue.pause(campaign)
    result = smsq("watch", campaign, "--timeout-s", "0.1")

    assert result.exit_code == 1
    assert "held up     paused: by" in result.stdout


def fail_some(world: World) -> tuple[str, list[str]]:
    """A campaign of which one job was refused, one delivered to some, one cancelled."""
    draft = world.start_campaign(30)
    refused = take_job(world)
    assert refused
    world.claims.settle(refused, REFUSED, PLAN)
    sent = accept_one(world)
    report(world, sent, ["undelivered", "delivered", "Undelivered"])
    world.brakes.cancel(draft.id, by="ops@host")
    world.align()
    phones = [*sorted(refused.messages[0].recipients)]
    reported = sorted(sent.messages[0].recipients)
    return draft.id, [*phones, reported[0], reported[2]]


def test_whom_a_campaign_missed_can_be_sent_to_again(
    world: World, queue: SmsQueue, smsq_json: Callable[..., Any], smsq: Smsq, tmp_path: Path
) -> None:
    campaign, failed = fail_some(world)

    told = smsq_json("failed", campaign, "again.csv")
    assert told == {
        "id": campaign,
        "file": "again.csv",
        "recipients": 12,
        "has_texts": False,
        "texts_gone": True,
    }
    rows = read_csv((tmp_path / "again.csv").read_text())
    assert rows[0] == ["phone"]
    # A spreadsheet would take bare digits for a number.
    assert sorted(row[0] for row in rows[1:]) == sorted(map(write_phone, failed))
    assert stat.S_IMODE((tmp_path / "again.csv").stat().st_mode) == 0o600
    sent = smsq_json("send-bulk", "again.csv", "--name", "Again", "--text", "hi")
    assert (sent["recipients"], sent["rejected"]) == (12, 0)

    assert smsq_json("failed", campaign, "more.csv", "--cancelled")["recipients"] == 22
    shown = smsq("failed", campaign, "-")
    assert read_csv(shown.stdout)[0] == ["phone"]
    assert "texts are forgotten (SMSQ_KEEP_TEXTS=0)" in shown.stderr


def test_whom_a_retry_sends_to_is_left_out_and_counted(
    world: World, smsq_json: Callable[..., Any], smsq: Smsq
) -> None:
    campaign = world.start_campaign(3).id
    dead = take_job(world)
    assert dead
    world.claims.settle(dead, Verdict(state=JobState.DEAD, error="503"), PLAN)

    told = smsq_json("failed", campaign, "again.csv")
    assert (told["recipients"], told["retryable"]) == (0, 3)
    shown = smsq("failed", campaign, "again.csv")
    assert shown.stdout == "0 recipients written to again.csv\n"
    assert "3 recipients of dead jobs left out: smsq dead retry" in shown.stderr


def test_own_texts_that_were_kept_stand_beside_their_phones(
    environ: dict[str, str], smsq: Smsq, smsq_json: Callable[..., Any], world: World, tmp_path: Path
) -> None:
    queue = SmsQueue(settings=Settings.from_env({**environ, "SMSQ_KEEP_TEXTS": "1"}))
    texts = [(phone, f'Dear "{phone[-2:]}",\nhello; bye') for phone in PHONES]
    campaign = queue.send_bulk([PersonalMessage(name="Bills", texts=texts)])
    claim = accept_one(world)
    report(world, claim, ["undelivered"] * 3 + ["delivered"] * 17)
    assert queue.status(campaign).counts[RecipientState.UNDELIVERED] == 3

    assert (
        "with their texts: smsq send-bulk again.csv" in smsq("failed", campaign, "again.csv").stdout
    )
    rows = read_csv((tmp_path / "again.csv").read_bytes().decode())
    assert rows == [["phone", "text"], *([write_phone(phone), text] for phone, text in texts[:3])]
    sent = smsq_json("send-bulk", "again.csv", "--name", "Again", "--text-column", "text")
    assert (sent["recipients"], sent["rejected"]) == (3, 0)
    queue.close()


def test_what_may_have_been_accepted_is_not_sent_again(
    queue: SmsQueue, world: World, smsq: Smsq
) -> None:
    from tests.smsq.world import UNKNOWN  # noqa: PLC0415

    campaign = send(queue)
    claim = take_job(world)
    assert claim
    world.claims.settle(claim, UNKNOWN, PLAN)

    assert "nobody failed" in smsq("failed", campaign, "again.csv").stdout


def test_who_is_without_a_report_is_written_only_when_asked_for(
    queue: SmsQueue, world: World, smsq: Smsq, smsq_json: Callable[..., Any]
) -> None:
    campaign = send(queue)
    report(world, accept_one(world), ["undelivered", *["delivered"] * 4])
    world.pass_s(PLAN.horizon_ms / 1000 + 1)
    world.recover()

    told = smsq_json("failed", campaign, "again.csv")
    assert (told["recipients"], told["no_report"]) == (1, 15)
    result = smsq("failed", campaign, "again.csv")
    assert "15 recipients without a report left out: they may have got it" in result.stderr
    assert smsq_json("failed", campaign, "again.csv", "--no-report")["recipients"] == 16
    result = smsq("failed", campaign, "again.csv", "--no-report")
    assert "who got it already gets it again" in result.stderr
    assert len(list(queue.failed(campaign))) == 1
    assert len(list(queue.failed(campaign, no_report=True))) == 16


def test_a_file_that_cannot_be_written_says_so(queue: SmsQueue, smsq: Smsq) -> None:
    campaign = send(queue)
    result = smsq("failed", campaign, "nowhere/again.csv")

    assert result.exit_code == 2
    assert "name another file" in result.stderr


def test_the_queue_pauses_resumes_and_lists(queue: SmsQueue) -> None:
    campaign = send(queue)

    assert queue.pause(campaign)
    assert not queue.pause(campaign)
    found = queue.campaigns()[0]
    assert found.brake
    assert (found.id, found.brake.state) == (campaign, BrakeState.PAUSED)
    assert queue.resume(campaign, max_failed=0.2)
    assert queue.campaign(campaign).brake is None

"""What an outcome means for its job, and the gateway's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.domain.backoff import Backoff
from smsq.domain.outcomes import GATEWAY_WORDS, RetryPolicy, Verdict, decide, read_gateway_word
from smsq.models import FINAL_JOB_STATES, JobState, OnUnknown, Outcome, RecipientState

POLICY = RetryPolicy(max_attempts=8, backoff=Backoff(1, 300, dice=lambda: 1.0))


def decided(outcome: Outcome, *, attempts: int = 1, resend: bool = False) -> Verdict:
    on_unknown = OnUnknown.RESEND if resend else OnUnknown.HOLD
    return decide(outcome, attempts=attempts, on_unknown=on_unknown, policy=POLICY, reason="why")


@pytest.mark.parametrize(
    ("outcome", "state", "is_counted"),
    [
        (Outcome.ACCEPTED, JobState.ACCEPTED, True),
        (Outcome.REFUSED, JobState.REJECTED, True),
        (Outcome.MISCONFIGURED, JobState.QUEUED, False),
        (Outcome.BUSY, JobState.QUEUED, False),
        (Outcome.TEMPORARY, JobState.WAITING, True),
        (Outcome.NO_MONEY, JobState.QUEUED, False),
        (Outcome.NOT_SENT, JobState.WAITING, False),
        (Outcome.UNPREPARED, JobState.WAITING, False),
        (Outcome.UNKNOWN, JobState.UNKNOWN, True),
    ],
)
def test_each_outcome_has_its_state(outcome: Outcome, state: JobState, is_counted: bool) -> None:
    verdict = decided(outcome)

    assert verdict.state is state
    assert verdict.is_counted is is_counted
    assert verdict.error == ("" if outcome is Outcome.ACCEPTED else "why")
    assert verdict.message_id is None
    assert verdict.gateway_fields == {}


def test_an_unknown_is_sent_again_only_where_the_caller_said_so() -> None:
    assert decided(Outcome.UNKNOWN).state is JobState.UNKNOWN
    assert decided(Outcome.UNKNOWN, resend=True).state is JobState.WAITING


def test_a_last_unknown_stays_unknown_and_is_never_called_dead() -> None:
    assert decided(Outcome.UNKNOWN, attempts=7, resend=True).state is JobState.WAITING
    assert decided(Outcome.UNKNOWN, attempts=8, resend=True).state is JobState.UNKNOWN


def test_a_job_is_dead_once_its_attempts_are_used_up() -> None:
    assert decided(Outcome.TEMPORARY, attempts=7).state is JobState.WAITING
    dead = decided(Outcome.TEMPORARY, attempts=8)
    assert dead.state is JobState.DEAD
    assert dead.error == "gave up after 8 attempts: why"


@pytest.mark.parametrize("outcome", [Outcome.BUSY, Outcome.MISCONFIGURED])
def test_no_number_of_busy_answers_kills_a_job(outcome: Outcome) -> None:
    assert decided(outcome, attempts=10_000).state is JobState.QUEUED


@pytest.mark.parametrize(
    ("retry_after_s", "delay_s"), [(None, 2), (0, 2), (1, 2), (120, 120), (1000.5, 1000.5)]
)
def test_a_pause_is_the_longer_of_ours_and_the_gateways(
    retry_after_s: float | None, delay_s: float
) -> None:
    verdict = decide(
        Outcome.TEMPORARY,
        attempts=2,
        on_unknown=OnUnknown.HOLD,
        policy=POLICY,
        reason="500",
        retry_after_s=retry_after_s,
    )

    assert verdict.delay_s == pytest.approx(delay_s)


@given(
    outcome=st.sampled_from(Outcome),
    attempts=st.integers(1, 50),
    on_unknown=st.sampled_from(OnUnknown),
    max_attempts=st.integers(1, 50),
    retry_after_s=st.none() | st.floats(0, 86_400),
)
def test_whatever_happens_a_job_has_a_next_step_and_no_second_sms_by_itself(
    outcome: Outcome,
    attempts: int,
    on_unknown: OnUnknown,
    max_attempts: int,
    retry_after_s: float | None,
) -> None:
    verdict = decide(
        outcome,
        attempts=attempts,
        on_unknown=on_unknown,
        policy=RetryPolicy(max_attempts=max_attempts, backoff=Backoff(1, 300)),
        reason="why",
        retry_after_s=retry_after_s,
    )

    goes_on = verdict.state in {JobState.QUEUED, JobState.WAITING}
    assert (verdict.delay_s > 0) == (verdict.state is JobState.WAITING)
    assert verdict.delay_s >= (retry_after_s or 0) or not verdict.delay_s
    assert verdict.delay_s <= max(300, retry_after_s or 0)
    if outcome is Outcome.UNKNOWN:
        # It may be out: never called failed, and sent again only by the caller's choice.
        assert verdict.state not in FINAL_JOB_STATES
        assert not goes_on or on_unknown is OnUnknown.RESEND
    if goes_on and verdict.is_counted:
        assert attempts < max_attempts
    if outcome in {Outcome.BUSY, Outcome.MISCONFIGURED}:
        assert goes_on
        assert not verdict.is_counted
    assert verdict.state not in {JobState.SUBMITTING, JobState.DONE, JobState.CANCELLED}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("NEW", RecipientState.PENDING),
        ("sent", RecipientState.SENT),
        ("delivered", RecipientState.DELIVERED),
        (" Delivered\n", RecipientState.DELIVERED),
        ("NOT_DELIVERED", RecipientState.UNDELIVERED),
        ("not delivered", RecipientState.UNDELIVERED),
        ("expired", RecipientState.UNDELIVERED),
        ("delivered to operator", None),
        ("un delivered", None),
        ("", None),
        ("доставлено", None),
    ],
)
def test_the_gateways_words_are_read_whatever_their_case(
    word: str, state: RecipientState | None
) -> None:
    assert read_gateway_word(word) is state


@given(st.text(max_size=50))
def test_a_word_we_do_not_know_is_never_a_state(word: str) -> None:
    state = read_gateway_word(word)

    if state is not None:
        assert word.strip().lower().replace("_", " ") in GATEWAY_WORDS


@given(st.sampled_from(sorted(GATEWAY_WORDS)), st.data())
def test_case_blanks_and_underscores_do_not_matter(word: str, data: st.DataObject) -> None:
    written = "".join(data.draw(st.sampled_from([c, c.upper()])) for c in word)
    written = data.draw(st.sampled_from(["", " ", "\t"])) + written.replace(" ", "_") + " "

    assert read_gateway_word(written) is GATEWAY_WORDS[word]

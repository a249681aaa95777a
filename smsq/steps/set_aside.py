"""Aside: what cannot be prepared for its request steps out of the line, and the next one goes.

In:  a claim's question, or a claim that nothing can be made of. Out: the ledger, told.
"""

from __future__ import annotations

import logging
from collections import Counter

from redis.exceptions import RedisError

from smsq.errors import say_unforeseen
from smsq.records.jobs import Question, Unprepared
from smsq.steps.resources import Resources
from smsq.store.refusals import is_of_data

log = logging.getLogger(__name__)

#: A question that is asked again after so many answers has none.
MOST_ANSWERS = 3


def answer(
    resources: Resources,
    question: Question,
    asked: Counter[Question],
    *,
    number: int | None = None,
) -> None:
    """Write down what a claim asked for; a job whose question has no answer is set aside.

    Args:
        resources: Of this process.
        question: As the claim asked it.
        asked: How often each question of this slot was answered already.
        number: Of the claim; None where it has not come about yet.

    Raises:
        RedisError: Redis is away, or refuses for now.
    """
    asked[question] += 1
    if asked[question] > MOST_ANSWERS:
        set_aside(resources, Unprepared(question.job_id, number, "its question has no answer"))
        return
    try:
        resources.rule_book.answer(question)
    except Exception as error:
        if isinstance(error, RedisError) and not is_of_data(error):
            raise
        why = say_unforeseen("its rules cannot be looked up", error)
        set_aside(resources, Unprepared(question.job_id, number, why))


def set_aside(resources: Resources, what: Unprepared) -> str:
    """Have a job wait, or a message be polled later; what came of it stands in the timeline.

    Raises:
        RedisError: Redis is away, or refuses for now.
    """
    state = resources.claims.set_aside(what)
    job_id, is_poll, _ = what.id.partition(":")
    facts = {
        "job": job_id,
        "message_ref": what.id if is_poll else "",
        "outcome": state,
        "id": what.id,
        "why": what.why,
    }
    log.error("<- set aside %(id)s: %(why)s; it is %(outcome)s", facts)
    return state

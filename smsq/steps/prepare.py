"""Preparation: what is left of a large job's request is fetched, slice by slice, before it is made.

In:  a claim. Out: the whole request; or the job is out of the way.
"""

from __future__ import annotations

import logging
from collections import Counter

from redis.exceptions import ResponseError

from smsq.errors import say_unforeseen
from smsq.records.facts import of_job
from smsq.records.jobs import Claim, NoClaim, Question, Unprepared
from smsq.steps.resources import Resources
from smsq.steps.set_aside import answer, set_aside
from smsq.store.refusals import is_of_data

log = logging.getLogger(__name__)


def prepare(resources: Resources, claim: Claim) -> Claim | None:
    """Fetch what is left of a large job's request; None when the claim comes to nothing.

    A worker that dies meanwhile made no request, and the ledger knows.

    Raises:
        RedisError: Redis is away, or refuses for now.
    """
    try:
        return fetch_rest(resources, claim)
    except ResponseError as error:
        if not is_of_data(error):
            raise
        why = say_unforeseen("its stored data cannot be used", error)
        set_aside(resources, Unprepared(claim.job_id, claim.number, why))
        return None


def fetch_rest(resources: Resources, claim: Claim) -> Claim | None:
    """Ask the ledger slice by slice; data that do not fit are raised."""
    asked: Counter[Question] = Counter()
    while not claim.is_whole:
        match resources.claims.prepare(claim, resources.rule_book.rules):
            case Question() as question:
                answer(resources, question, asked, number=claim.number)
            case Unprepared() as what:
                set_aside(resources, what)
            case NoClaim() as why:
                facts = of_job(claim, outcome=why)
                log.warning("<- nothing sent job=%(job)s (%(outcome)s)", facts)
                return None
            case Claim() as more:
                claim = more
    return claim

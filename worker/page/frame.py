"""What a page is made of. A new one: a file in `views/`, and a line in `pages.py`.

In:  a visit: who, which language, what was asked. Out: a template with its values, or where to go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from redis import Redis

from smsq.access.sessions import Session
from smsq.audit.audit import Audit
from smsq.audit.chain import Verdict
from smsq.operate.stuck_jobs import StuckJobs
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.connection import OPERATOR_TIMEOUT_S, connect
from smsq.store.scripts import Scripts
from worker.page.doctor import Doctor
from worker.page.renewed import Renewed
from worker.page.speed import Speed

#: All of the audit trail is read for it.
VERIFY_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Services:
    """What pages read from and act on; one for the process.

    Attributes:
        queue: As a web app has it: finds, and steers campaigns.
        stuck_jobs: To read what happened to a job; whoever acts makes one with `by` of the visit.
        doctor: What `smsq doctor` would say.
        speed: How long messages took.
        audit: The trail of what operators did.
        verdict: Whether that trail is whole, looked at now and then for all.
    """

    settings: Settings
    redis: Redis
    scripts: Scripts
    queue: SmsQueue
    stuck_jobs: StuckJobs
    doctor: Doctor
    speed: Speed
    audit: Audit
    verdict: Renewed[Verdict]

    @classmethod
    def build(cls, settings: Settings, environ: Mapping[str, str]) -> Self:
        """Build from settings and the environment; the connection is made when first used."""
        redis = connect(settings.redis_url, timeout_s=OPERATOR_TIMEOUT_S)
        scripts = Scripts.of(redis, settings)
        audit = Audit(scripts)
        return cls(
            settings,
            redis,
            scripts,
            SmsQueue(settings=settings),
            StuckJobs(settings, redis, by=""),
            Doctor(environ),
            Speed(scripts),
            audit,
            Renewed("audit trail", audit.verify, VERIFY_EVERY_S),
        )

    def close(self) -> None:
        """Give the connections back."""
        self.queue.close()
        self.stuck_jobs.close()


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of somebody who is logged in.

    Attributes:
        language: `en` or `ru`.
        path: Values of the path's parameters.
        query: Of the address. Never a phone: addresses are logged on the way.
        form: Fields of a posted form, the last value of each.
    """

    services: Services
    session: Session
    language: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def by(self) -> str:
        """Who acts, for the audit trail."""
        return self.session.user.name

    @property
    def may_act(self) -> bool:
        """True for an operator."""
        return self.session.user.is_operator

    def may_see(self, page: Page) -> bool:
        """True where a page is for this visitor."""
        return self.may_act or not page.for_operators


@dataclass(frozen=True, slots=True)
class Shown:
    """A template of `worker/page/templates/` and its values."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Moved:
    """Another page, as after an act.

    Attributes:
        to: A path of ours, without a query.
        said: What is said at its top: a key of `worker/page/words/` that begins with `said.`.
    """

    to: str
    said: str = ""


Answer = Shown | Moved


@dataclass(frozen=True, slots=True)
class View:
    """What is shown at a path. It changes nothing.

    Attributes:
        path: As Starlette has it: `/find/{job_id}`.
        show: Runs in a thread; reads and returns.
        shared_s: All viewers with the same rights and language get one answer for so long: then it
            must not depend on who asks. 0: each asks anew.
        again_s: The browser asks again after so long; 0: it does not.
    """

    path: str
    show: Callable[[Visit], Answer]
    shared_s: float = 0.0
    again_s: int = 0


@dataclass(frozen=True, slots=True)
class Act:
    """What a posted form does; `form` in macros.html makes it, with the token.

    Attributes:
        path: As of `View`.
        do: Runs in a thread; gives `visit.by` to whatever it calls.
        for_readers: True for what only looks, but must not stand in an address: a phone.
    """

    path: str
    do: Callable[[Visit], Answer]
    for_readers: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One entry of the menu.

    Attributes:
        name: Its word is `menu.<name>`.
        views: The menu leads to the first.
        acts: Of its buttons.
        for_operators: True for what readers do not see, nor find in the menu.
    """

    name: str
    views: Sequence[View]
    acts: Sequence[Act] = ()
    for_operators: bool = False

    @property
    def path(self) -> str:
        """Where the menu leads."""
        return self.views[0].path

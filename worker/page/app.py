"""The admin side as an ASGI app: every page and button behind one gate.

In:  `PAGES`. Out: routes. Without users in the settings the page is closed: 404, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from smsq.access.sessions import Session
from smsq.errors import InvalidMessageError, NotFoundError, QueueUnavailableError, SmsqError
from worker.page import health
from worker.page.frame import Act, Answer, Moved, Page, Services, Shown, View, Visit
from worker.page.gate import Gate, is_of, is_same_origin, read_form
from worker.page.headers import Headers
from worker.page.language import LANGUAGES, WORDS, choose_language, language_of
from worker.page.login import log_in, log_out, show_login, to_login
from worker.page.rendering import STATIC, fill, render
from worker.page.shared import Shared

CLOSED = "closed: set SMSQ_WEB_READERS or SMSQ_WEB_OPERATORS\n"

_YEAR_S = 31_536_000
_SEE_OTHER = 303

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page before it is filled in, or where to go instead."""

    html: str = ""
    status: int = 200
    to: str = ""


def make_app(services: Services, pages: Sequence[Page]) -> Starlette:
    """Make the admin side.

    Args:
        services: What pages work with.
        pages: As of `worker/page/pages.py`.
    """
    gate = Gate.build(services)
    routes = [Route("/healthz", health.healthz), Route("/metrics", health.metrics)]
    if gate.users:
        routes += [
            Route("/login", show_login),
            Route("/login", log_in, methods=["POST"]),
            Route("/logout", log_out, methods=["POST"]),
            Route("/language/{name}", switch_language),
            Route("/static/{name}", send_static),
        ]
        for page in pages:
            routes += [Route(view.path, viewing(page, view)) for view in page.views]
            routes += [Route(act.path, acting(page, act), methods=["POST"]) for act in page.acts]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Headers)],
        exception_handlers={404: say_missing, 405: say_missing},
    )
    app.state.services, app.state.gate, app.state.pages = services, gate, pages
    app.state.shared = Shared[Rendered]()
    app.state.health = health.Health(services)
    return app


def viewing(page: Page, view: View) -> Endpoint:
    """Make the endpoint of a view."""

    async def show(request: Request) -> Response:
        session = await find_session(request)
        if isinstance(session, Response):
            return session
        visit = make_visit(request, session)
        if not visit.may_see(page):
            return answer(await forbid(visit, make_frame(request, page, visit)), session)
        frame = make_frame(request, page, visit, again_s=view.again_s)
        if view.shared_s <= 0:
            rendered = await make_page(visit, view.show, frame)
        else:
            key = (request.url.path, *sorted(visit.query.items()), visit.language, visit.may_act)
            shared: Shared[Rendered] = request.app.state.shared
            rendered = await shared.get(
                key, view.shared_s, lambda: make_page(visit, view.show, frame)
            )
        return answer(rendered, session)

    return show


def acting(page: Page, act: Act) -> Endpoint:
    """Make the endpoint of an act: for a form of a page of this very session, and who may."""

    async def do(request: Request) -> Response:
        session = await find_session(request)
        if isinstance(session, Response):
            return session
        form = await read_form(request)
        visit = make_visit(request, session, form)
        # Its own path is none that a link could lead to.
        frame = make_frame(request, page, visit) | {"here": page.path}
        if form is None or not is_same_origin(request) or not is_of(session, form):
            return answer(await forbid(visit, frame, "error.foreign"), session)
        if not (visit.may_act or act.for_readers):
            return answer(await forbid(visit, frame), session)
        return answer(await make_page(visit, act.do, frame), session)

    return do


async def forbid(visit: Visit, frame: dict[str, Any], word: str = "error.forbidden") -> Rendered:
    """Say that this is not for them."""
    told = Shown("error.html", {"words": [word], "told": []}, 403)
    return await make_page(visit, lambda _: told, frame)


async def find_session(request: Request) -> Session | Response:
    """Find whose request it is, or the answer to who is not logged in."""
    gate: Gate = request.app.state.gate
    try:
        session = await gate.find_session(request)
    except RedisError:
        return PlainTextResponse("Redis does not answer: try again later\n", status_code=503)
    return session or to_login(request)


def make_visit(request: Request, session: Session, form: dict[str, str] | None = None) -> Visit:
    """Gather what a view is told."""
    gate: Gate = request.app.state.gate
    cookie = request.cookies.get(gate.cookie("language"), "")
    return Visit(
        services=request.app.state.services,
        session=session,
        language=choose_language(cookie, request.headers.get("accept-language", "")),
        path={name: str(value) for name, value in request.path_params.items()},
        query=dict(request.query_params),
        form=form or {},
    )


def make_frame(request: Request, page: Page, visit: Visit, again_s: int = 0) -> dict[str, Any]:
    """Make what the frame around each page shows."""
    said = visit.query.get("said", "")
    return {
        "pages": [one for one in request.app.state.pages if visit.may_see(one)],
        "page": page,
        "here": request.url.path,
        "may_act": visit.may_act,
        "again_s": again_s,
        "at": datetime.now(UTC),
        "said": said if said.startswith("said.") and said in WORDS else "",
    }


async def make_page(
    visit: Visit, show: Callable[[Visit], Answer], frame: dict[str, Any]
) -> Rendered:
    """Have a view or an act answer, and render that; a failure has a page, too."""

    def work() -> Rendered:
        try:
            found = show(visit)
        except (RedisError, QueueUnavailableError):
            found = Shown("error.html", {"words": ["error.redis"], "told": []}, 503)
        except NotFoundError as error:
            found = Shown("error.html", {"words": [], "told": [str(error)]}, 404)
        except InvalidMessageError as error:
            told = [str(mistake) for mistake in error.mistakes]
            found = Shown("error.html", {"words": [], "told": told}, 400)
        except SmsqError as error:
            found = Shown("error.html", {"words": [], "told": [str(error)]}, 400)
        if isinstance(found, Moved):
            query = f"?{urlencode({'said': found.said})}" if found.said else ""
            return Rendered(to=found.to + query)
        language = language_of(visit.language, visit.services.settings.timezone)
        html = render(found.template, language, {**frame, **found.values})
        return Rendered(html, found.status)

    return await run_in_threadpool(work)


def answer(rendered: Rendered, session: Session) -> Response:
    """Answer with a page that is filled in for its viewer."""
    if rendered.to:
        return RedirectResponse(rendered.to, _SEE_OTHER)
    return HTMLResponse(fill(rendered.html, session), rendered.status)


async def switch_language(request: Request) -> Response:
    """Remember a language, and go back to where the switch was."""
    gate: Gate = request.app.state.gate
    name, back = request.path_params["name"], request.query_params.get("back", "/")
    is_ours = back.startswith("/") and not back.startswith(("//", "/\\"))
    gone_back = RedirectResponse(back if is_ours else "/", _SEE_OTHER)
    if name in LANGUAGES:
        gate.keep(request, gone_back, "language", name, _YEAR_S)
    return gone_back


async def send_static(request: Request) -> Response:
    """Send the style or the script; their addresses change with them."""
    found = STATIC.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("not found\n", status_code=404)
    headers = {"Cache-Control": f"public, max-age={_YEAR_S}, immutable"}
    return Response(found[0], media_type=found[1], headers=headers)


async def say_missing(request: Request, _: Exception) -> Response:
    """Say that there is no such page; to who is not logged in, nothing."""
    gate: Gate = request.app.state.gate
    if not gate.users:
        return PlainTextResponse(CLOSED, status_code=404)
    session = await find_session(request)
    if isinstance(session, Response):
        return session
    visit = make_visit(request, session)
    frame = make_frame(request, request.app.state.pages[0], visit)
    told = Shown("error.html", {"words": ["error.missing"], "told": []}, 404)
    return answer(await make_page(visit, lambda _: told, frame), session)

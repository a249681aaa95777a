"""The login form, and the way out.

In:  a name and a password. Out: a session in a cookie, or how long to wait.
"""

from __future__ import annotations

from urllib.parse import urlencode

from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from smsq.access.sessions import BROWSER_S, SESSION_S
from worker.page.gate import Gate, is_of, is_same_origin, read_form
from worker.page.language import choose_language, language_of
from worker.page.rendering import render

_SEE_OTHER = 303
_START = "/"


async def show_login(request: Request) -> Response:
    """Show the form."""
    return _show(request)


async def log_in(request: Request) -> Response:
    """Take the form."""
    gate: Gate = request.app.state.gate
    form = await read_form(request)
    if form is None or not is_same_origin(request):
        return _show(request, 403, "login.foreign")
    name, password = form.get("name", "").strip(), form.get("password", "")
    try:
        found = await gate.log_in(request, name, password)
        if found.user is None:
            if found.wait_s:
                return _wait(request, found.wait_s)
            return _show(request, 403, "login.wrong", back=form.get("back", _START))
        session = await run_in_threadpool(gate.sessions.begin, found.user)
    except RedisError:
        return PlainTextResponse("Redis does not answer: try again later\n", status_code=503)
    went_in = RedirectResponse(find_way_back(form.get("back", _START)), _SEE_OTHER)
    gate.keep(request, went_in, "session", session, SESSION_S)
    gate.keep(request, went_in, "browser", gate.sessions.know(found.user), BROWSER_S)
    return went_in


async def log_out(request: Request) -> Response:
    """End the session, in all processes."""
    gate: Gate = request.app.state.gate
    form = await read_form(request)
    went_out = RedirectResponse("/login", _SEE_OTHER)
    try:
        session = await gate.find_session(request)
        if session is None or form is None:
            return went_out
        if not is_same_origin(request) or not is_of(session, form):
            return _show(request, 403, "login.foreign")
        await run_in_threadpool(gate.sessions.end, session)
    except RedisError:
        return PlainTextResponse("Redis does not answer: try again later\n", status_code=503)
    went_out.delete_cookie(gate.cookie("session"), httponly=True, samesite="strict")
    return went_out


def to_login(request: Request) -> Response:
    """Send somebody to the form; it leads back to what was asked for."""
    asked = request.url.path if request.method == "GET" else _START
    query = "" if asked == _START else f"?{urlencode({'back': asked})}"
    return RedirectResponse(f"/login{query}", _SEE_OTHER)


def find_way_back(asked: str) -> str:
    """Take a path of ours; anything else is the start. Pure."""
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if is_ours and "\\" not in asked else _START


def _wait(request: Request, wait_s: float) -> Response:
    seconds = max(1, round(wait_s))
    told = _show(request, 429, "login.wait", seconds=seconds)
    told.headers["Retry-After"] = str(seconds)
    return told


def _show(
    request: Request, status: int = 200, word: str = "", *, seconds: int = 0, back: str = ""
) -> Response:
    gate: Gate = request.app.state.gate
    cookie = request.cookies.get(gate.cookie("language"), "")
    name = choose_language(cookie, request.headers.get("accept-language", ""))
    language = language_of(name, request.app.state.services.settings.timezone)
    told = language.say(word, seconds=seconds) if word else ""
    way_back = find_way_back(back or request.query_params.get("back", _START))
    values = {"wrong": told, "back": way_back, "here": "/login"}
    return HTMLResponse(render("login.html", language, values), status)

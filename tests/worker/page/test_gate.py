"""Nothing is served to strangers; readers do not act; no other site acts for an operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from smsq.models import BulkMessage
from smsq.queue import SmsQueue
from smsq.settings import Settings
from smsq.store.scripts import Scripts
from tests.worker.page.browsing import OPERATOR, READER, Visitor
from worker.page.frame import Act, Page, Services, Shown, View, Visit
from worker.page.headers import HEADERS
from worker.page.pages import PAGES
from worker.page.serving import admin_at_work

PATHS = [view.path for page in PAGES for view in page.views]
ACTS = [(page, act) for page in PAGES for act in page.acts]


def concrete(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


@pytest.mark.parametrize("path", [*PATHS, "/nowhere", "/login", "/static/page.css"])
def test_without_users_the_page_is_closed(
    settings: Settings, environ: dict[str, str], path: str
) -> None:
    closed = replace(settings, web_readers=(), web_operators=())
    with admin_at_work(closed, environ) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}{concrete(path)}", timeout=60)

    assert answer.status_code == 404
    assert answer.text == "closed: set SMSQ_WEB_READERS or SMSQ_WEB_OPERATORS\n"


def test_a_stranger_gets_the_login_form_and_nothing_else(stranger: Visitor) -> None:
    for path in [*PATHS, "/nowhere"]:
        answer = stranger.get(concrete(path))
        assert (answer.status_code, answer.text) == (303, ""), path
        assert answer.headers["location"].startswith("/login"), path


def test_a_strangers_forms_do_nothing(stranger: Visitor) -> None:
    for path in [*(concrete(act.path) for _, act in ACTS), "/logout"]:
        assert stranger.post(path).headers["location"].startswith("/login"), path


def test_who_logged_in_sees_the_page_and_is_named(reader: Visitor, operator: Visitor) -> None:
    for visitor, (name, _), role in ((reader, READER, "reader"), (operator, OPERATOR, "operator")):
        page = visitor.get("/").text
        assert f"{name} <small>{role}</small>" in page
        assert 'aria-current="page"' in page


def test_a_login_leads_back_to_what_was_asked_for_on_this_site_alone(stranger: Visitor) -> None:
    asked = stranger.get("/nowhere/at/all").headers["location"]
    assert 'value="/nowhere/at/all"' in stranger.get(asked).text
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"):
        fields = {"name": READER[0], "password": READER[1], "back": back}
        assert stranger.client.post("/login", data=fields).headers["location"] == "/"


def test_a_session_ends_with_the_logout_in_every_process(
    settings: Settings, environ: dict[str, str], reader: Visitor
) -> None:
    stolen = dict(reader.client.cookies)
    with (
        admin_at_work(settings, environ) as port,
        httpx.Client(cookies=stolen, timeout=60) as other,
    ):
        assert other.get(f"http://127.0.0.1:{port}/").status_code == 200
        assert reader.post("/logout").headers["location"] == "/login"
    with (
        admin_at_work(settings, environ) as port,
        httpx.Client(cookies=stolen, timeout=60) as other,
    ):
        assert other.get(f"http://127.0.0.1:{port}/").status_code == 303


def test_cookies_are_for_this_site_and_no_script_and_for_https_where_that_is(
    stranger: Visitor,
) -> None:
    plain = stranger.try_to_log_in(*READER).headers.get_list("set-cookie")
    safe = stranger.try_to_log_in(*READER, **{"X-Forwarded-Proto": "https"})

    assert len(plain) == 2
    for cookie in plain:
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Max-Age=" in cookie
        assert "Secure" not in cookie
    assert all("Secure" in cookie for cookie in safe.headers.get_list("set-cookie"))


def test_every_answer_has_the_headers(stranger: Visitor, reader: Visitor) -> None:
    answers = [reader.get("/"), reader.get("/nowhere"), stranger.get("/"), stranger.get("/login")]
    answers += [stranger.get("/metrics"), stranger.get("/static/page.css"), stranger.post("/login")]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
    for answer in answers[:5]:
        assert answer.headers["cache-control"] == "no-store"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_pages_have_no_script_or_style_of_their_own_and_nothing_of_another_host(
    operator: Visitor, stranger: Visitor
) -> None:
    pages = [operator.get(concrete(path)).text for path in PATHS]
    for page in (stranger.get("/login").text, *pages):
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", page)
        assert not re.findall(r'(?:src|href|action)="(?:\w+:)?//', page)


done: list[str] = []


def note(visit: Visit) -> Shown:
    done.append(visit.by)
    return Shown("error.html", {"words": [], "told": ["done"]})


EMPTY = Shown("error.html", {"words": [], "told": []})
TRIAL = Page(
    "now", [View("/", lambda _: EMPTY)], [Act("/act", note), Act("/look", note, for_readers=True)]
)
CLOSED = Page("find", [View("/closed", note), View("/closed/{part}", note)], for_operators=True)


@pytest.fixture
def trial(settings: Settings, environ: dict[str, str]) -> Iterator[Visitor]:
    """A page with a button, nothing else."""
    done.clear()
    with (
        admin_at_work(settings, environ, [TRIAL, CLOSED]) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        yield Visitor(client)


def test_a_button_works_for_an_operator_alone(trial: Visitor) -> None:
    trial.log_in(*READER)
    assert trial.post("/act").status_code == 403
    assert trial.post("/look").status_code == 200
    trial.log_in(*OPERATOR)
    answer = trial.post("/act")
    assert answer.status_code == 200
    assert done == [READER[0], OPERATOR[0]]
    # A link out of the answer leads to a page, and not to what was posted.
    assert 'href="/language/ru?back=/"' in answer.text


def test_a_page_for_operators_is_closed_to_readers_with_all_that_is_on_it(trial: Visitor) -> None:
    trial.log_in(*READER)
    for path in ("/closed", "/closed/x"):
        assert trial.get(path).status_code == 403
    assert 'href="/closed"' not in trial.get("/").text
    assert done == []
    trial.log_in(*OPERATOR)
    assert 'href="/closed"' in trial.get("/").text
    assert trial.get("/closed/x").status_code == 200
    assert done == [OPERATOR[0]]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_of_another_site_does_nothing(trial: Visitor, headers: dict[str, str]) -> None:
    trial.log_in(*OPERATOR)

    assert trial.post("/act", headers=headers).status_code == 403
    assert trial.try_to_log_in(*OPERATOR, **headers).status_code == 403
    assert done == []


def test_a_form_without_the_sessions_own_token_does_nothing(trial: Visitor) -> None:
    trial.log_in(*READER)
    other = trial.token
    trial.log_in(*OPERATOR)

    for token in ("", "0" * 64, other, "é"):
        assert trial.post("/act", token=token).status_code == 403
    assert trial.client.get("/act").status_code == 404
    assert trial.client.post("/act", json={"token": trial.token}).status_code == 403
    assert done == []


def test_services_are_built_without_a_connection(settings: Settings) -> None:
    away = replace(settings, redis_url="redis://127.0.0.1:9/0")
    assert Services.build(away, {}).settings is away


def test_no_page_has_a_token_a_text_a_phone_or_a_password(
    reader: Visitor, operator: Visitor, settings: Settings, queue: SmsQueue, scripts: Scripts
) -> None:
    phone, text = "375291234567", "canary words 4821"
    job = queue.send_quick(phone, text, reference="order-77")
    campaign = queue.send_bulk([BulkMessage(name="Sale", text=text, phones=[phone])])
    paths = [*PATHS, f"/find/{job}", f"/find/{campaign}", "/metrics", "/healthz"]
    found = [reader.get(concrete(path)).text for path in paths]
    found += [reader.post("/find", what=what).text for what in (phone, "order-77")]
    queue.pause(campaign, by=phone)
    found += [operator.get(concrete(path)).text for path in paths]

    key = str(scripts.redis.get(scripts.keys.page_key))
    assert key
    for page in found:
        for secret in (phone, text, settings.gateway_token, READER[1], OPERATOR[1], key):
            assert secret not in page

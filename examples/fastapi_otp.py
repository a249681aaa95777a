"""A login by SMS in FastAPI: send a code, check it, and learn by webhook what became of it.

    pip install 'smsq[fastapi]' uvicorn
    SMSQ_REDIS_URL=redis://127.0.0.1:6379/0 SMSQ_ALPHANAME_ID=123 \\
        SMSQ_WEBHOOK_SECRET=at-least-16-letters uvicorn fastapi_otp:app

Its page is fastapi_otp.html. `smsq web` posts to /sms-events: give it the same secret, and
SMSQ_WEBHOOK_URL=http://127.0.0.1:8000/sms-events. A real app keeps attempts in its database, and
limits how often a visitor or a phone may ask.
"""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse

import smsq
from smsq.contrib.fastapi import Sms, WebhookEvents, lifespan


@dataclass
class Attempt:
    phone: str
    code: str = field(default_factory=lambda: f"{secrets.randbelow(10**6):06}")
    job: str = ""
    state: str = "sending"
    guesses: int = 5


FromBody = Annotated[str, Body(embed=True)]
app = FastAPI(lifespan=lifespan())
attempts: dict[str, Attempt] = {}
by_job: dict[str, Attempt] = {}


def find(attempt_id: str) -> Attempt:
    if attempt := attempts.get(attempt_id):
        return attempt
    raise HTTPException(404, "begin anew")


@app.get("/")
async def page() -> FileResponse:
    return FileResponse(Path(__file__).with_suffix(".html"))


@app.post("/attempts", status_code=201)
async def begin(phone: FromBody, sms: Sms) -> dict[str, str]:
    attempt_id = secrets.token_urlsafe()
    attempts[attempt_id] = Attempt(phone)
    await send(attempt_id, sms)
    return {"attempt": attempt_id}


@app.post("/attempts/{attempt_id}/code", status_code=202)
async def send(attempt_id: str, sms: Sms) -> dict[str, str]:
    """Send the code, or again; with one key a double click, or a retry, is one message."""
    attempt = find(attempt_id)
    text, key = f"Your code is {attempt.code}", f"login-{attempt_id}"
    job = await sms.send_quick(attempt.phone, text, key=key, priority="urgent", expires_in_s=300)
    if not job.is_new and (await sms.status(job)).is_final:
        raise HTTPException(409, "begin anew: this code was sent, or its time is over")
    attempt.job, by_job[job] = job, attempt
    return {"state": attempt.state}


@app.get("/attempts/{attempt_id}")
async def show(attempt_id: str) -> dict[str, str]:
    return {"state": find(attempt_id).state}


@app.post("/attempts/{attempt_id}/check")
async def check(attempt_id: str, code: FromBody) -> dict[str, bool]:
    attempt = find(attempt_id)
    attempt.guesses -= 1
    is_right = secrets.compare_digest(attempt.code.encode(), code.encode())
    if is_right or attempt.guesses == 0:
        del attempts[attempt_id]
    return {"logged_in": is_right}


@app.post("/sms-events", status_code=204)
async def hear(events: WebhookEvents) -> None:
    for event in events:
        if isinstance(event, smsq.RecipientEvent) and (attempt := by_job.get(event.job_id)):
            attempt.state = str(event.new_state)


@app.exception_handler(smsq.InvalidMessageError)
async def not_a_phone(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "write your phone as +375 29 123-45-67"}, 422)


@app.exception_handler(smsq.QueueUnavailableError)
async def unavailable(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": "try again in a moment"}, 503)

"""A web app that texts a login code: plain WSGI, nothing installed but smsq.

    SMSQ_REDIS_URL=redis://127.0.0.1:6379/0 SMSQ_ALPHANAME_ID=123 python examples/webapp.py
    curl -d 'phone=%2B375291234567&attempt=8812' http://127.0.0.1:8000/

The view answers as soon as the job is stored; workers send it. A second click is the same attempt
and sends nothing more; "send a new code" is a new attempt. A real app limits how often one may ask.
"""

import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import smsq

queue = smsq.SmsQueue.from_env()  # one per process; raises ConfigError with every mistake
codes: dict[str, str] = {}  # a real app saves the code with the attempt, in its database


def send_code(phone: str, attempt: str) -> tuple[str, str]:
    """Enqueue the code of an attempt; the key makes a second click the same job."""
    if not attempt:
        return "400 Bad Request", "attempt is missing: write its number"
    code = codes.setdefault(attempt, f"{secrets.randbelow(10**6):06}")
    try:
        text, key = f"Your code is {code}", f"login-{attempt}"
        job = queue.send_quick(phone, text, key=key, priority="urgent", expires_in_s=300)
    except smsq.InvalidMessageError as error:
        return "400 Bad Request", "\n".join(error.mistakes)
    except smsq.KeyConflictError:
        return "409 Conflict", "this attempt had another phone: begin a new one"
    except smsq.QueueUnavailableError:
        return "503 Service Unavailable", "try again in a moment"
    return "202 Accepted", job


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer POST with a phone and the number of a login attempt."""
    body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 1000))
    form = {name: values[0] for name, values in parse_qs(body.decode("ascii", "replace")).items()}
    status, text = send_code(form.get("phone", ""), form.get("attempt", ""))
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", 8000, app).serve_forever()

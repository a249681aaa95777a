"""A web app that texts a login code: plain WSGI, nothing installed but smsq.

    SMSQ_REDIS_URL=redis://127.0.0.1:6379/0 SMSQ_ALPHANAME_ID=123 python examples/webapp.py
    curl --data-urlencode 'phone=+375291234567' -d attempt=8812 http://127.0.0.1:8000/

The view answers as soon as the job is stored; workers send it. There are three ways to ask again:
- a second click: the same attempt, so the same key, and nothing more is sent;
- "send it again" (-d again=1): the same code, if its first message ended unsent for certain;
- "send a new code": a new attempt, so a new key and a new code. Limit how often one may ask.
"""

import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import smsq

PAGE = """<!doctype html><title>Log in</title><style>body {font: 1.1rem system-ui; margin: 3rem}
input, button {font: inherit}</style><h1>Log in</h1><form method="post" target="answer">
<input name="attempt" type="hidden" value="%s">
<input name="phone" placeholder="+375 29 123-45-67" aria-label="Phone"> <button>Send a code</button>
<button name="again" value="1">Send it again</button> <a href="/">New attempt</a></form>
<iframe name="answer" width="600" height="60" style="border: 0" title="Answer"></iframe>"""

queue = smsq.SmsQueue.from_env()  # one per process; raises ConfigError with every mistake
codes: dict[str, str] = {}  # a real app saves the code with the attempt, in its database


def send_code(phone: str, attempt: str, *, again: bool) -> tuple[str, str]:
    """Enqueue the code of an attempt; the key makes a second click the same job."""
    if not attempt:
        return "400 Bad Request", "attempt is missing: write its number"
    code = codes.setdefault(attempt, f"{secrets.randbelow(10**6):06}")
    text, key = f"Your code is {code}", f"login-{attempt}"
    try:
        job = queue.send_quick(
            phone, text, key=key, again=again, priority="urgent", expires_in_s=300
        )
    except smsq.InvalidMessageError as error:
        return "400 Bad Request", "\n".join(error.mistakes)
    except smsq.KeyConflictError:
        if again:
            return (
                "409 Conflict",
                "the code was sent, or is on its way: wait, or begin a new attempt",
            )
        return "409 Conflict", "this attempt had another phone: begin a new one"
    except smsq.LimitedError as error:
        return "429 Too Many Requests", f"too many codes: wait {error.retry_after_s:.0f} s"
    except smsq.QueueUnavailableError:
        return "503 Service Unavailable", "try again in a moment"
    return "202 Accepted", job


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Show a form, and answer POST with a phone and the number of a login attempt."""
    if environ.get("REQUEST_METHOD") == "GET":
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [(PAGE % secrets.token_urlsafe()).encode()]
    body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 1000))
    form = {name: values[0] for name, values in parse_qs(body.decode("ascii", "replace")).items()}
    again = form.get("again") == "1"
    status, text = send_code(form.get("phone", ""), form.get("attempt", ""), again=again)
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", 8000, app).serve_forever()

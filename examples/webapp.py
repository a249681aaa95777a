"""A web app that texts a login code: plain WSGI, nothing installed but smsq.

    SMSQ_REDIS_URL=redis://127.0.0.1:6379/0 SMSQ_ALPHANAME_ID=123 python examples/webapp.py
    curl -d 'phone=%2B375291234567&login=8812' http://127.0.0.1:8000/

The view answers once the job is stored; workers send it. A real app limits how often one may ask.
"""

import secrets
from collections.abc import Iterable
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

import smsq

queue = smsq.SmsQueue.from_env()  # one per process; raises ConfigError with every mistake


def send_code(phone: str, login: str) -> tuple[str, str]:
    """Enqueue a code; the key makes a second click the same job."""
    if not login:
        return "400 Bad Request", "login is missing: write its number"
    code = f"{secrets.randbelow(10_000):04}"  # a real app keeps it with the login, to compare
    try:
        text, key = f"Your code is {code}", f"login-{login}"
        job = queue.send_quick(phone, text, key=key, priority="urgent", expires_in_s=300)
    except smsq.InvalidMessageError as error:
        return "400 Bad Request", "\n".join(error.mistakes)
    except smsq.KeyConflictError:
        return "200 OK", "a code is on its way already"
    except smsq.QueueUnavailableError:
        return "503 Service Unavailable", "try again in a moment"
    return "202 Accepted", job


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer POST with a phone and the number of a login."""
    body = environ["wsgi.input"].read(min(int(environ.get("CONTENT_LENGTH") or 0), 1000))
    form = {name: values[0] for name, values in parse_qs(body.decode("ascii", "replace")).items()}
    status, text = send_code(form.get("phone", ""), form.get("login", ""))
    start_response(status, [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{text}\n".encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", 8000, app).serve_forever()

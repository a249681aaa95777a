"""A login by SMS in Flask: ask for a code, ask for it again, type it in.

    pip install 'smsq[flask]'
    SMSQ_REDIS_URL=redis://127.0.0.1:6379/0 SMSQ_ALPHANAME_ID=123 flask --app flask_otp run

A real app keeps attempts in its database, and limits how often a visitor or a phone may ask.
"""

import secrets
from dataclasses import dataclass, field

from flask import Flask, flash, redirect, render_template_string, request, session
from werkzeug.wrappers import Response

import smsq
from smsq.contrib.flask import Smsq

PAGE = """<!doctype html><meta name="viewport" content="width=device-width"><title>Log in</title>
<style>body, input, button {font: 1.1rem/2 system-ui} body {margin: 3rem}</style><h1>Log in</h1>
{% for message in get_flashed_messages() %}<p role="status">{{ message }}</p>{% endfor %}
{% if attempt %}<form method="post" action="/check"><label>Code for {{ attempt.phone }}<br><input
 name="code" autocomplete="one-time-code" autofocus></label> <button>Log in</button></form>
<form method="post" action="/again"><button>Send it again</button></form><hr>{% endif %}
<form method="post" action="/begin"><label>{{ "Another phone" if attempt else "Phone" }}<br><input
 name="phone" placeholder="+375 29 123-45-67"></label> <button>Send a code</button></form>"""


@dataclass
class Attempt:
    phone: str
    id: str = field(default_factory=secrets.token_urlsafe)
    code: str = ""
    codes: int = 0
    guesses: int = 5


sms = Smsq()
attempts: dict[str, Attempt] = {}


def send(attempt: Attempt, *, again: bool = False) -> smsq.StoredId:
    """Send the attempt's code; its key makes a double click, or a retry, one message."""
    to, text, key = attempt.phone, f"Your code is {attempt.code}", f"{attempt.id}-{attempt.codes}"
    return sms.queue.send_quick(to, text, key=key, again=again, priority="urgent", expires_in_s=300)


def send_new(attempt: Attempt) -> str:
    attempt.code, attempt.codes = f"{secrets.randbelow(10**6):06}", attempt.codes + 1
    send(attempt)
    return "We have sent a code"


def send_again(attempt: Attempt) -> str:
    try:
        send(attempt, again=True)  # what ended unsent for certain, such as expired, goes out now
    except smsq.KeyConflictError:  # it was sent, or is still to be
        is_over = sms.queue.status(send(attempt)).is_final
        return send_new(attempt) if is_over and attempt.codes < 3 else "The code is on its way"
    return "We have sent the code again"


def create_app(**config: object) -> Flask:
    app = Flask(__name__)
    app.config.from_mapping({"SECRET_KEY": secrets.token_hex(), **config})
    sms.init_app(app)

    @app.get("/")
    def page() -> str:
        return render_template_string(PAGE, attempt=attempts.get(session.get("attempt", "")))

    @app.post("/<action>")
    def act(action: str) -> Response:
        attempt = attempts.get(session.get("attempt", ""))
        if action == "begin":
            attempt = Attempt(request.form["phone"])
            flash(send_new(attempt))
            attempts[attempt.id], session["attempt"] = attempt, attempt.id
        elif attempt is None or not attempt.guesses:
            flash("Begin anew")
        elif action == "again":
            flash(send_again(attempt))
        elif secrets.compare_digest(attempt.code.encode(), request.form["code"].strip().encode()):
            del attempts[session.pop("attempt")]
            flash("You are logged in")
        else:
            attempt.guesses -= 1
            flash("That is not the code")
        return redirect("/")

    @app.errorhandler(smsq.InvalidMessageError)
    def not_a_phone(error: smsq.InvalidMessageError) -> Response:
        flash("Write your phone as +375 29 123-45-67")
        return redirect("/")

    @app.errorhandler(smsq.QueueUnavailableError)
    def unavailable(error: smsq.QueueUnavailableError) -> tuple[str, int]:
        return "Try again in a moment", 503

    return app

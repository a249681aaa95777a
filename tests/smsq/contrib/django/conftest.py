"""A Django project for the tests of this folder: set up once per process, on SQLite in memory.

Django's settings are one for the whole process. They are given in code, so no variable and no time
zone changes for the tests of other folders.
"""

from __future__ import annotations

from collections.abc import Iterator

import django
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.test import override_settings

_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "allauth",
    "allauth.account",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "phonenumber_field",
    "two_factor",
    "two_factor.plugins.phonenumber",
    "smsq.contrib.django",
    "smsq.contrib.django.outbox",
    "tests.smsq.contrib.django.shop",
]
_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
#: Their tables are made from their models: nothing of theirs is tested.
_WITHOUT_MIGRATIONS = [
    *("account", "admin", "auth", "contenttypes", "otp_static", "otp_totp", "phonenumber"),
    *("sessions", "two_factor"),
]
_TEMPLATES = {
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    },
}


if not django_settings.configured:
    django_settings.configure(
        ACCOUNT_ADAPTER="smsq.contrib.django.allauth.AccountAdapter",
        ACCOUNT_LOGIN_BY_CODE_ENABLED=True,
        ACCOUNT_LOGIN_METHODS={"phone"},
        ACCOUNT_RATE_LIMITS=False,
        ACCOUNT_SIGNUP_FIELDS=["phone*"],
        ALLOWED_HOSTS=["testserver"],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        AUTH_USER_MODEL="shop.User",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=_APPS,
        LOGGING_CONFIG=None,
        LOGIN_REDIRECT_URL="/",
        LOGIN_URL="two_factor:login",
        MIDDLEWARE=_MIDDLEWARE,
        MIGRATION_MODULES=dict.fromkeys(_WITHOUT_MIGRATIONS),
        PHONENUMBER_DEFAULT_REGION="BY",
        ROOT_URLCONF="tests.smsq.contrib.django.shop.urls",
        SECRET_KEY="for tests alone",
        SMSQ={},
        STATIC_URL="static/",
        TEMPLATES=[_TEMPLATES],
        TWO_FACTOR_SMS_GATEWAY="smsq.contrib.django.two_factor.Gateway",
        USE_TZ=True,
    )
    django.setup()


@pytest.fixture
def smsq_settings(environ: dict[str, str]) -> Iterator[dict[str, object]]:
    """`settings.SMSQ` on this test's Redis."""
    names = ("REDIS_URL", "NAMESPACE", "ALPHANAME_ID", "PER_PHONE")
    written: dict[str, object] = {name: environ[f"SMSQ_{name}"] for name in names}
    with override_settings(SMSQ=written):
        yield written


@pytest.fixture(scope="session")
def tables() -> None:
    """All tables, made once in this process' database."""
    call_command("migrate", run_syncdb=True, verbosity=0)


@pytest.fixture
def db(tables: None) -> Iterator[None]:
    """A database that is empty again afterwards; commits are commits."""
    yield
    call_command("flush", interactive=False, verbosity=0)

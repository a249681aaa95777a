"""A Django shop in one file: a message with each order, its state by event, a campaign by admin.

smsq demo --keep                             # prints lines to paste into other terminals
python examples/django_shop.py migrate --run-syncdb
python examples/django_shop.py createsuperuser
python examples/django_shop.py smsq_events   # reads what becomes of messages
python examples/django_shop.py runserver     # http://127.0.0.1:8000/ and .../admin/
"""

import sys

import django
from django.conf import settings

APP = "django_shop"
CONTEXT = ["template.context_processors.request", "contrib.auth.context_processors.auth",
           "contrib.messages.context_processors.messages"]  # fmt: skip
MIDDLEWARE = ["sessions.middleware.Session", "auth.middleware.Authentication",
              "messages.middleware.Message"]  # fmt: skip
PAGE = """<!doctype html><title>Shop</title><style>body, input, button {font: 1.1rem/2 system-ui}
</style><h1>Shop</h1><form method="post">{% csrf_token %}<input name="phone" aria-label="Phone"
 placeholder="+375 29 123-45-67"> <button>Order</button></form>{% for mistake in mistakes %}
<p>{{ mistake }}</p>{% endfor %}<ul>
{% for order in orders %}<li>Order {{ order.pk }}: {{ order.state }}</li>{% endfor %}</ul>"""

sys.modules[APP] = sys.modules[__name__]  # a whole project in one module, whatever its name
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}},
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.messages", "django.contrib.sessions",
                    "django.contrib.staticfiles", "smsq.contrib.django", APP],
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware",
                *(f"django.contrib.{name}Middleware" for name in MIDDLEWARE)],
    ROOT_URLCONF=APP, DEBUG=True, SECRET_KEY="of this example alone", STATIC_URL="static/",
    TIME_ZONE="Europe/Minsk", SMSQ={},  # all of it from the environment, as SMSQ_REDIS_URL
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": [f"django.{name}" for name in CONTEXT]}}],
)  # fmt: skip
django.setup()

from django.apps import apps
from django.contrib import admin
from django.core.management import execute_from_command_line
from django.db import models, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template import RequestContext, Template
from django.urls import path

import smsq
from smsq.contrib.django import sms
from smsq.contrib.django.admin import SendSmsMixin
from smsq.contrib.django.signals import job_changed, recipient_changed

apps.get_app_config(APP).models_module = sys.modules[APP]


class Order(models.Model):
    id: "models.BigAutoField[int, int]" = models.BigAutoField(primary_key=True)
    phone: "models.CharField[str, str]" = models.CharField(max_length=20)
    state: "models.CharField[str, str]" = models.CharField(max_length=20, default="new")

    class Meta:
        app_label = APP
        permissions = (("send_sms_order", "Can send SMS to orders"),)


@admin.register(Order)
class OrderAdmin(SendSmsMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("pk", "phone", "state")


def shop(request: HttpRequest) -> HttpResponse:
    mistakes: tuple[str, ...] = ()
    if request.method == "POST":
        try:
            with transaction.atomic():
                order = Order.objects.create(phone=request.POST["phone"])
                text, name = f"Thank you for order {order.pk}", f"order-{order.pk}"
                sms.send_quick_on_commit(order.phone, text, key=name, reference=name)
            return HttpResponseRedirect("/")
        except smsq.InvalidMessageError as error:  # the order is not saved either
            mistakes = error.mistakes
    shown = {"mistakes": mistakes, "orders": Order.objects.order_by("-pk")}
    return HttpResponse(Template(PAGE).render(RequestContext(request, shown)))


@receiver([job_changed, recipient_changed])
def keep_state(event: smsq.JobEvent | smsq.RecipientEvent, **_: object) -> None:
    name = event.reference or ""
    if name.startswith("order-") and event.new_state != "done":  # "delivered" says more
        Order.objects.filter(pk=name.removeprefix("order-")).update(state=event.new_state)


urlpatterns = [path("", shop), path("admin/", admin.site.urls)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)

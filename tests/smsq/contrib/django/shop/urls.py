from typing import Any

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path
from two_factor.urls import urlpatterns as two_factor_urls

from smsq.contrib.django.views import webhook

urlpatterns: list[Any] = [
    path("", lambda request: HttpResponse("welcome"), name="home"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("sms-events/", webhook),
    path("two-factor/", include(two_factor_urls)),
]

from django.contrib import admin

from smsq.contrib.django.admin import SendSmsMixin
from tests.smsq.contrib.django.shop.models import Customer, Order


@admin.register(Customer)
class CustomerAdmin(SendSmsMixin, admin.ModelAdmin):
    list_filter = ("name",)
    list_per_page = 2


@admin.register(Order)
class OrderAdmin(SendSmsMixin, admin.ModelAdmin):
    sms_phone_field = "customer__mobile"

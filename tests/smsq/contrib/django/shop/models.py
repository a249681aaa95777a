from django.contrib.auth.models import AbstractUser
from django.db import models
from phonenumber_field.modelfields import PhoneNumberField


class User(AbstractUser):
    phone = models.CharField(max_length=16, blank=True, null=True, unique=True)
    phone_verified = models.BooleanField(default=False)


class Customer(models.Model):
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=30, blank=True)
    mobile = PhoneNumberField(blank=True, region="BY")

    class Meta:
        permissions = (("send_sms_customer", "Can send SMS to customers"),)


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)
    sms_state = models.CharField(max_length=20, blank=True)

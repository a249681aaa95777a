from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100)
    phone = models.CharField(max_length=30, blank=True)

    class Meta:
        permissions = (("send_sms_customer", "Can send SMS to customers"),)


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE)
    sms_state = models.CharField(max_length=20, blank=True)

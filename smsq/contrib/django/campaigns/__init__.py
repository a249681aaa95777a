"""A campaign in Django's admin: what `smsq/contrib/django/admin.py` asks for and counts.

In:  what a person writes, the rows that are selected. Out: a checked text, phones, counts.
Never: a send.
"""

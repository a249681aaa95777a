"""Frameworks: smsq at home in Django, Flask, FastAPI and SQLAlchemy.

In:  a framework's settings, requests, transactions. Out: calls of `SmsQueue`, events as its own.
Never: a check or a decision that `SmsQueue` has; an import of a framework that is not used.
"""

"""Environment variables: their names, defaults and meanings, and how each value is read.

In:  strings. Out: values, or a mistake that says what to write; `smsq/settings.py` collects them.
Never: a connection. Addresses are checked here and used elsewhere.
"""

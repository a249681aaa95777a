"""How a job is kept in Redis: its fields, phones, place in line, and idempotency key.

In:  jobs as Python objects. Out: what scripts take; and what they answer, as objects again.
Never: a change of a job's state; that is `ledger/`.
"""

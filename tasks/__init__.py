"""The Celery tasks (send, poll, recover) and their steps. Gateway requests are made here.

In:  rings and beat's ticks. Out: jobs moved on in the ledger.
Never: a state that a script did not write.
"""

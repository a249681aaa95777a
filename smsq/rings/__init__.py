"""Rings: Celery messages that wake a worker and carry job ids; beat's ticks; who takes rings.

In:  ids of jobs that are stored already. Out: messages to the broker.
Never: what decides. A lost ring costs time, and `recover` rings again.
"""

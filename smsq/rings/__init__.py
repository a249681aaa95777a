"""Rings: Celery messages that wake a worker. Beat's ticks, and which workers take rings.

In:  ids of jobs that are stored already. Out: messages to the broker.
Never: anything that only a ring knows. A lost ring costs seconds: `recover` rings again.
"""

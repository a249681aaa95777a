"""smsq beside plain Celery and taskiq on one fast gateway, in turns: `python -m bench.peers`.

In:  the gateway's answer times. Out: messages a second, CPU seconds for each 1,000, and ratios.

Every run has a Redis of its own with AOF `everysec`, and all its messages are queued before the
workers start.
"""

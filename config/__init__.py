"""Options of the processes: Celery, queues, logs; and settings checked at their start.

In:  the environment. Out: options, or the end of the process with every mistake.
Never: a decision about a message.
"""

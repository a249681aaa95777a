"""The outbox: messages that are committed with the app's own rows, and handed over afterwards.

In:  messages, in the app's transaction. Out: jobs, each row exactly once; rows that cannot be sent.
Never: a database driver; `smsq.contrib.sqlalchemy` and `smsq.contrib.django.outbox` have one each.
"""

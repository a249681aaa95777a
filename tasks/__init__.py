"""The Celery tasks (send, poll, recover), and the threads that take the steps of `smsq/steps/`.

In:  rings and beat's ticks. Out: as many requests on their way as the rate asks for.
Never: a state that a script did not write.
"""

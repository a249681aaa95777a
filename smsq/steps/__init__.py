"""What a worker does with one slot, one page and one tick; `tasks/` calls it when it is rung.

In:  resources, slots, beat's ticks. Out: gateway requests; what is in the ledger, moved on.
Never: Celery, a thread, or a state that a script did not write.
"""

"""The heartbeat SMS: a message to a phone of the operator's own, at an even pace.

In:  recover's tick. Out: one message a period over all workers, and whether the last arrived.
Never: a second one for a period.
"""

"""The one rate and the one gate of all workers: when the next request may be made.

In:  the rate in the settings, and what the gateway answered. Out: slots; one gate for everybody.
Never: a choice of job. `sending/` makes it when a slot is used.
"""

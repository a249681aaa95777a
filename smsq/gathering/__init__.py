"""Gathering: single sends that are not urgent share one gateway request.

In:  one recipient at a time. Out: an id for each, and a job that closes when full or due.
Never: a send that waits longer than SMSQ_GATHER_S.
"""

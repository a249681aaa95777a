"""Gathering: single messages that are not urgent share one gateway request.

In:  checked messages, those that go alone too. Out: ids; jobs that close when full or due.
Never: a job that stays open longer than SMSQ_GATHER_S.
"""

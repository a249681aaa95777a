"""Campaigns: drafted out of sight, committed, launched; paused, cancelled, or self-stopped.

In:  checked messages whose recipients stream in; an operator's pause, resume or cancel.
Out: one live campaign, or nothing at all; a brake that holds from the call that sets it.
Never: a script call that grows with the campaign.
"""

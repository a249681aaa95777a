"""Campaigns: drafted, stored out of sight, live all at once; paused, cancelled, or self-stopped.

In:  recipients as they stream in. Out: one live campaign, or nothing at all.
Never: a script call that grows with the campaign.
"""

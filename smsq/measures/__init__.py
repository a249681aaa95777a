"""Measures: counters and histograms over all processes, kept in Redis, with their history.

In:  what scripts that move jobs measure by the way. Out: totals, and the minutes of 72 hours.
Never: a call of its own on the send path; a phone, a text or an id.
"""

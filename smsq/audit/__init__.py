"""The audit trail: who did what to the installation, kept for a year, each entry tied to the last.

In:  who acts, what, on what. Out: entries, the newest first; whether one is gone or was changed.
Never: a text or a full phone.
"""

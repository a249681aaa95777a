"""Finding jobs again: by a caller's own reference, by phone, by state, tag and time.

In:  a reference, a phone, a state. Out: summaries with masked phones, the newest first.
Never: a phone in the index, or a script call that grows with the ledger.
"""

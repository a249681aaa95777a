"""What became of it: jobs, campaigns, sends and recipients, read from the ledger.

In:  an id. Out: states, timelines, numbers, rows for accountants, who was not reached.
Never: a change of anything.
"""

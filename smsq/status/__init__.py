"""What became of it: jobs, campaigns, sends and recipients, as they are read from the ledger.

In:  an id. Out: statuses, timelines, numbers, rows for the accountants, who failed.
Never: a change of anything.
"""

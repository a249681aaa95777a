"""The ledger: jobs are stored, change their states, and end. Every change goes through `move.lua`.

In:  new jobs; a cancel or another time from a producer. Out: ids.
Never: a final state while a request may be out, unless it is proven (`doubt.lua`).
"""

"""The ledger: jobs come in, move from state to state, and end. One function decides each move.

In:  new jobs. Out: their ids.
Never: a move to a final state while a request may be out, without proof (doubt.lua).
"""

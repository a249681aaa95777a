"""What became of messages that the gateway has: polls, receipts, and message ids.

In:  pages of reports; receipts; ids from a look-up or an operator. Out: each recipient's state.
Never: a recipient's state that moves backwards.
"""

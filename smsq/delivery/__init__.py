"""What became of what the gateway has: polls, receipts, and which message id is whose.

In:  rows of getSmsDeliveryList, receipts. Out: states of recipients.
Never: a final state that moves back.
"""

"""A gateway to try things on: the three endpoints, strict, limited, and faulty when asked to be.

In:  HTTP requests, options. Out: answers and receipts like a gateway's; a book of what it accepted.
Never: code of `smsq.gateway`. It is a second reading of the same contract.
"""

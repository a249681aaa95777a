"""HTTP to the gateway: connections that are kept, and what comes back on them.

In:  a request as bytes. Out: status, body and the headers that count, or an exception.
Never: JSON, a decision about what an answer means, or a second try of what was written.
"""

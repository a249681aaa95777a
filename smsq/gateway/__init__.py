"""The gateway's HTTP API: calls, answers, receipts, and the client that makes requests.

In:  typed requests; bodies that the gateway posts. Out: typed results, or a `GatewayError`.
Never: Redis, or a decision about a job. No error holds a token, a text or a full phone.
"""

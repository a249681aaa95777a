"""The operators' page: server-rendered, behind a login, with `/metrics` and a detailed `/healthz`.

In:  requests on SMSQ_ADMIN_LISTEN. Out: HTML in two languages; acts of operators, by their names.
Never: anything without a login, a script or an image of another host, a full phone for a reader.
"""

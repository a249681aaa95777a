"""Who is at the operators' page: logins that are slowed down, sessions for all processes.

In:  a name and a password, later a cookie. Out: who it is, or how long to wait.
Never: a password kept or logged, or a decision about what somebody may do.
"""

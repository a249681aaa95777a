"""Who may be sent to, and when: opt-outs, quiet hours, and the most messages a day for a phone.

In:  settings and the list of opt-outs. Out: what claims ask when they build a request.
Never: a rule that holds an urgent message back.
"""

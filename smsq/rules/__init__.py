"""Who may be sent to, and when: opt-outs, quiet hours, and the most messages per phone and day.

In:  settings and the list of opt-outs. Out: what a claim needs to know to build its request.
Never: a rule that holds an urgent message back.
"""

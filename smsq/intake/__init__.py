"""What a caller asks for: every field checked, all mistakes collected, and made into new jobs.

In:  a call's arguments. Out: new jobs, or `InvalidMessageError` with every mistake.
Never: Redis. What is refused here has stored nothing.
"""

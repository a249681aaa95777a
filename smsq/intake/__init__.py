"""What a caller asks for: every field checked, all mistakes collected, new jobs made of it.

In:  a call's arguments. Out: new jobs, or `InvalidMessageError` with every mistake.
Never: Redis. A call that is refused here has stored nothing.
"""

"""SmsQueue for code on an event loop: the same methods and errors, awaited.

In:  calls of coroutines. Out: what `SmsQueue` returns; readers for `async for`.
Never: a check, a script or a wire form of its own; a call of Redis' on the loop's thread.
"""

"""Phones and texts: normal forms, masks, parts, and places for a table's columns.

In:  what people write. Out: what the gateway takes, or one mistake that says what to write.
Never: Redis, the network or the environment.
"""

"""Phones and texts: their normal form, their parts, their masks, and places for a table's columns.

In:  what people write. Out: what the gateway takes, or one mistake that says what to write.
Never: anything outside its arguments.
"""

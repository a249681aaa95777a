"""How the text of one Lua script is put together from what scripts share.

In:  statements of the shared parts, and those of a script. Out: the script's whole text.
Never: a file, or Redis: both are `smsq/store/scripts.py`'s.
"""

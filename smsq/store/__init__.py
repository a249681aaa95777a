"""Redis: connections, the names of keys, the ledger's clock, and how Lua scripts are put together.

In:  settings. Out: a client, and `Scripts`, which runs any room's script by its name.
Never: what a job is, or what becomes of it.
"""

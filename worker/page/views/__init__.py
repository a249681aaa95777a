"""One file for each entry of the menu: what it reads, what its buttons do.

In:  a visit. Out: a template's name and its values.
Never: a check of who may; that is done before (worker/page/gate.py).
"""

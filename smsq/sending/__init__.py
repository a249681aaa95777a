"""A job on its way out: claimed with a slot, prepared, settled after its request; or recovered.

In:  a slot. Out: a claim on what is most urgent; after the request, its result in the ledger.
Never: a request without a claim, or a second one while the first may be out.
"""

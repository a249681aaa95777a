"""A job on its way out: claimed with a slot, prepared, requested, settled; or recovered.

In:  a slot. Out: a claim on what is most urgent; after the request, what came of it is stored.
Never: a request without a claim, and no second one while the first may be out.
"""

"""The one rate and the one gate of all workers: who may make the next request, and when.

In:  settings' rate, what the gateway answered. Out: slots; a gate that closes for everybody.
Never: which message goes. That is decided when a slot is used, in `sending/`.
"""

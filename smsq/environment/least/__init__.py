"""Least knowledge: which process needs which secret, and where else than in a variable it may be.

In:  an environment. Out: the same without what is not that process's, or with files read.
Never: a secret in a message.
"""

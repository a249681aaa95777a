"""What can be set about who may be sent to, when, and how often.

In:  strings. Out: rules of sending, or what to write instead.
Never: a phone in a message.
"""

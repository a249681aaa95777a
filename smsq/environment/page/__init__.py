"""What can be set about the operators' page: where it listens, and who may log in.

In:  strings. Out: an address, users with hashed or plain passwords, or what to write instead.
Never: a connection, or a password in a message.
"""

"""What changed, as it changes: the stream of events, its readers, and the webhook.

In:  each change that a script makes. Out: events for `queue.events()`, signed webhook posts.
Never: a text or a full phone.
"""

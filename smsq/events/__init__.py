"""Changes, as they happen: the stream of events, its readers, and deliveries to the webhook.

In:  what each script changed. Out: events for `queue.events()`; deliveries, which the courier posts
(`worker/courier.py`).
Never: a text or a full phone.
"""

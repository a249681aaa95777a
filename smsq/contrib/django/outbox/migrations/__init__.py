"""The history of the outbox' table."""

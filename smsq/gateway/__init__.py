"""The gateway: what is asked (wire), how (transport, client), what it posts (receipts)."""

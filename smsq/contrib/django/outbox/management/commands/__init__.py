"""The relay's command: `manage.py smsq_relay`."""

"""`manage.py smsq` and `manage.py smsq_events`; each module is a command."""

"""Commands about single messages: send, cancel, reschedule, count parts, opt out."""

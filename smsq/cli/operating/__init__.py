"""Commands for the operator: doctor, gate and rate, stuck jobs, message ids, webhook."""

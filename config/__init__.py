"""Settings of the processes: Celery's options, queues, logs."""

"""What the workers do: send, poll, recover; each task is a short line of steps."""

"""The relay's command."""

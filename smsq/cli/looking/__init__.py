"""Commands that only look: status, watch, why, stats, export."""

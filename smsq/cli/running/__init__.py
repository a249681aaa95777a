"""Commands that start processes: one each, all of a small server, the demo."""

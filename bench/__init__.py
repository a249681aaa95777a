"""Measurements: each script prints ratios from one run, with the peer it is compared to."""

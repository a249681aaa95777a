"""Ledgers as released versions wrote them: see README.md beside this file."""

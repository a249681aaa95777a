"""A small shop, for tests: customers with phones, and their orders."""

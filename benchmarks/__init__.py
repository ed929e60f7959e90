"""Measurements against budgets. Run with `make bench`."""

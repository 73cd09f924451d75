"""Strategies: which trials to run next."""

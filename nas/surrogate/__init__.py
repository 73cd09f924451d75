"""Surrogate models: what the trials so far say about the objectives."""

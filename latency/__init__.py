"""Artifact in, distribution of latencies out."""

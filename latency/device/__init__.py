"""Devices that run an artifact and report every single latency."""

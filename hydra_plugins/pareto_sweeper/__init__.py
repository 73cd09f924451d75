"""The Hydra sweeper of the search; the code is in `nas`."""

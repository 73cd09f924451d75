"""Numbers in, next trials out: the multi-objective search."""

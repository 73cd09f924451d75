"""Data sets as word lists and frames: TOPv2, TOP and the embedded grammar."""

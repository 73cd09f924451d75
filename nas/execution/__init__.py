"""Running a search: the loop, and what runs its jobs. Knows no parser."""

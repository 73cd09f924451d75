"""The ground floor that the three packages stand on: errors, files, metrics and the command line."""

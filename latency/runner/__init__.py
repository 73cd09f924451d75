"""The program that runs on a device: it times one artifact and writes a stream of runs (see `stream`)."""

"""Architectures of the parser and their parts, each a module that TorchScript compiles."""

"""The span-pointer parser and its parts, each a module that TorchScript compiles."""

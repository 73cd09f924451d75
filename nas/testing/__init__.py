"""Contracts: test classes that whoever writes a strategy or an executor subclasses.

A subclass named `Test...` overrides the fixture that makes the part under test, and pytest finds the rest.
"""

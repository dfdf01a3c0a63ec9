"""Shared by tests: clients, processes, local AWS. Fixtures are in conftest.py."""

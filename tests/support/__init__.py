"""What tests share: clients, processes, local AWS. Fixtures are in conftest.py."""

"""The `manage.py` commands, one module each. See README.md."""

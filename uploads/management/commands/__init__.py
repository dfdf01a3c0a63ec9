"""The commands of `manage.py`, one module each (see README.md)."""

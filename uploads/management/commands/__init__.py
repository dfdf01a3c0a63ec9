"""The commands of `manage.py`, one module each (docs/reference.md)."""

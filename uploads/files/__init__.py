"""Stored files: their records, and how to find, count, limit and change them."""

"""Stored files: their records, and how they are found, counted, limited and changed."""

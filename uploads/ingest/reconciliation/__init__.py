"""Comparing the bucket with the records, and repairing what differs."""

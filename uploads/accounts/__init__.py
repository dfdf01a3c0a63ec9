"""Users as owners of files, and their API tokens."""

"""Files in the admin: the list, one file, its filters and actions."""

"""The audit log in the admin: read it, filter it, and download it as CSV."""

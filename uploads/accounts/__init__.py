"""Users as owners of files, their API tokens, and single sign-on."""

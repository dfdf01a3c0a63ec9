"""Commands, and what only they need: uploading from disk, fake data, a progress bar."""

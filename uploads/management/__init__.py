"""Management commands and their helpers: uploading from disk, fake data, a progress bar."""

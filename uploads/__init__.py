"""filehub's one app; CONTRIBUTING.md describes its packages."""

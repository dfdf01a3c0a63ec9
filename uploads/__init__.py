"""filehub's one app; docs/architecture.md describes its packages."""

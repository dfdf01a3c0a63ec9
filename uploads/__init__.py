"""filehub's Django app. docs/architecture.md describes its packages."""

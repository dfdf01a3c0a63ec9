"""filehub's Django app. CONTRIBUTING.md describes its packages."""

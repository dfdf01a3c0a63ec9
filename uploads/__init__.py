"""filehub's one app: signing, confirming, listing. docs/architecture.md names the rooms."""

"""Tell other programs what happens to files: Django signals and webhooks (docs/webhooks.md)."""

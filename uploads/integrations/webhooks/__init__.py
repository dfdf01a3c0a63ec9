"""Webhooks: what is delivered to whom and when, and how it is sent."""

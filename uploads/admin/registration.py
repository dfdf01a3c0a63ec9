"""Registers every page with the admin's site, by importing it (see `uploads.apps`)."""

from uploads.admin import queues, report, tokens, users
from uploads.admin.files import pages

__all__ = ["pages", "queues", "report", "tokens", "users"]

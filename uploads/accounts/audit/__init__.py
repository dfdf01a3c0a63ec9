"""The audit log: who did what, when and from where, in Django's database and as log lines."""

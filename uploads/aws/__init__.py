"""Gateways to AWS, one module per service. Failures are raised as BackendUnavailable."""

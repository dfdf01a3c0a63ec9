"""Gateways to AWS, one module for each service; each has one error for whatever fails there."""

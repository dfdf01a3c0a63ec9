"""The API for generated clients."""

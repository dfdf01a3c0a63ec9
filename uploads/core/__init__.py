"""Settings, errors, ids and rules: the bottom layer, which imports nothing else of the app."""

"""What everything else builds on: settings, errors, ids, rules. It imports nothing outside itself."""

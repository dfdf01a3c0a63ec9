"""What everything else builds on: settings, errors, ids, rules. The bottom layer of the app."""

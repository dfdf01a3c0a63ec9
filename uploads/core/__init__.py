"""What everything else builds on: settings, errors, ids, rules. Imports nothing of filehub's."""

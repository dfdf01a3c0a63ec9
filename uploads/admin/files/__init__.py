"""Files in the admin: the list with its filters and actions, and the detail page."""

"""HTTP: the pages, the JSON API, health, and how errors become answers."""

"""HTTP: pages, the JSON API, health checks and error responses."""

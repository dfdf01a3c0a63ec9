"""Django's PostgreSQL backend, with limits on how long the web waits for the server."""

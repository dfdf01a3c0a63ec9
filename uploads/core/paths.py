"""Where the JSON API is (pure)."""

#: Matches the paths of the API, and those of no page.
API_PATHS = r"^/(get-url|uploads|files|folders|s3/|api/openapi\.json|api/v1/(?!docs))"

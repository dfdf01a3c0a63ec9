"""Template filters: numbers and durations as people read them."""

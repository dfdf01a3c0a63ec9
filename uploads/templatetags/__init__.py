"""Template filters that format numbers and durations."""

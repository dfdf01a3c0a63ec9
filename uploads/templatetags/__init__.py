"""Template filters that format names, sizes, times, durations and reasons."""

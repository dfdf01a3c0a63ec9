"""Template tags and filters: names, sizes, times, durations, reasons, delays."""

"""Compare the bucket with the records, and repair the differences."""

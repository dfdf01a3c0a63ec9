"""From S3 event to record: events, the consumer, and the tasks that confirm objects."""

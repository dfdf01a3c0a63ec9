"""From S3's word to the record: events, the consumer, and the tasks that confirm objects."""

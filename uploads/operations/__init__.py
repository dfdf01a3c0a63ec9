"""What operators look at: the dashboard, metrics, the storage report, queues, checks, doctor."""

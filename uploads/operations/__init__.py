"""For operators: dashboard, metrics, storage report, queue status, system checks, doctor."""

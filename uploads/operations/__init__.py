"""For operators: dashboard, metrics, storage report, queues, system checks, doctor, adoption."""

"""Alerts that never get lost and never nag: an outbox on disk, channels off by default, a worker for each."""

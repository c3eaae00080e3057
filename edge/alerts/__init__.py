"""Alerts that never get lost and never nag: an outbox on disk, alert channels off by default, a worker for each.

Start at `service` (`Alerts`: what `edge listen` and `edge watch` hold) and at `channels` (one file a channel). An
`event` is written to the `outbox` with a delivery for each channel, and `delivery` sends it; `settings` is the table
``[alerts]``.
"""

"""What the long-running commands share, below sources, alerts, live calls and watched folders.

The rules of redaction, addresses of sources, Prometheus metrics, systemd's notifications and an orderly end
(`process`), and SQLite files that stand a kill (`database_file`).
"""

"""What the long-running commands share, below sources, alerts, live calls and watched folders.

Where the configuration lies (`config_file`), the rules of redaction, Prometheus metrics, systemd's notifications and
an orderly end (`process`), and SQLite files that stand a kill (`database_file`).
"""

"""Watch folders: score each recording once it is complete, remember what was done, alert.

Start at `watcher`. It looks with the `scanner` for recordings that have not changed for a while; `recordings` reads,
scores and alerts each and notes it in the `ledger`. `settings` is the table ``[watch]``.
"""

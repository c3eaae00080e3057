"""Live listening: from a source's events to verdicts, alarms, and what an operator watches. Begin at `listen`.

`listen` is the loop, `monitor` decides what is reported of each stream, `session` scores one. `reports` are the values
and their lines, `terminal` shows them, `publishing` takes alarms to the outbox, `clips` keeps the audio around them.
"""

"""Lives of `edge watch` that end before a given step, for test_watch_crashes.

Each line on standard input is a JSON list: the step, the files for its output and complaints, and the arguments of
`edge`. One life answers with its exit status as `os.waitpid` gives it. Lives are forked from a process that has imported
all that the command needs, which a start takes most of its time for. Steps, in the thread that watches, are all SQL
statements of the ledger and the outbox, and the moments before and after a recording is scored or something is printed.
"""

from __future__ import annotations

import json
import os
import sys

import click

import edge.alerts.channels.webhook
import edge.alerts.outbox
import edge.catalog
import edge.cli.watch
import edge.model
import edge.scoring
import edge.service.database_file
import edge.service.process
import edge.watch.ledger
import edge.watch.watcher
from edge.cli.main import main
from edge.native_stderr import hold_stderr
from tests.edge.stepping import around, stepping, within


def live(last, output, complaints, arguments):
    # What a killed life was sending is leased for longer than a test waits.
    edge.cli.watch._DELIVERY_S = 0.3
    for number, path in ((1, output), (2, complaints)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    step = stepping(last)
    within(edge.service.database_file.sqlite3, "connect", step)
    around(edge.scoring, "score_file", step)
    around(click, "echo", step)
    main(arguments, prog_name="edge")


if __name__ == "__main__":
    with hold_stderr():
        edge.model.Model.load(edge.catalog.default_model())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            live(*json.loads(line))
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201 - the answer

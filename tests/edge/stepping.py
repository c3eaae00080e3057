"""A process that kills itself before a given step, for the tests of crashes.

Steps are SQL statements of databases, and the moments before and after a function runs.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading


def stepping(last):
    """A function that kills this process when its main thread calls it for the ``last``-th time."""
    count = itertools.count(1)

    def step(*_):
        if threading.current_thread() is threading.main_thread() and next(count) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def around(place, name, step):
    """Put a step before and after a function."""
    real = getattr(place, name)

    def stepped(*arguments, **options):
        step()
        result = real(*arguments, **options)
        step()
        return result

    setattr(place, name, stepped)


def within(place, name, step):
    """Put a step before each statement of the databases that a function opens."""
    real = getattr(place, name)

    def traced(*arguments, **options):
        database = real(*arguments, **options)
        database.set_trace_callback(step)
        return database

    setattr(place, name, traced)

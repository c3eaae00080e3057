"""Keep what native libraries write to stderr apart from what we write there, for as long as we read audio."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def native_noise_dropped() -> Iterator[None]:
    """Send file descriptor 2 nowhere, and `sys.stderr`, where it stood there, to where the descriptor led.

    The MP3 decoder tells each odd frame, ALSA each card that it does not find, and both would tear the panel. What is
    wrong about the audio comes as an event of the source. Tracebacks are Python's own, and still seen. For command
    lines only: the descriptor belongs to the whole process.
    """
    before = sys.stderr
    # Python has None where the descriptor was closed before it started; a test may have put something else there.
    if before is None or not _is_descriptor_2():
        yield
        return
    with ExitStack() as stack:
        saved = os.dup(2)
        ours = stack.enter_context(open(saved, "w", encoding=before.encoding, errors=before.errors, buffering=1))
        before.flush()
        stack.callback(setattr, sys, "stderr", before)
        stack.callback(os.dup2, saved, 2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = ours
        yield


def _is_descriptor_2() -> bool:
    try:
        return sys.stderr.fileno() == 2
    except (OSError, ValueError):
        return False

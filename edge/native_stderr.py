"""What native libraries write to stderr, below anything that Python could filter: hold it back, or discard it.

For command lines only: file descriptor 2 belongs to the whole process.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from edge.errors import EdgeError


@contextmanager
def hold_stderr() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 in this block, and show it only if the block crashes.

    An `EdgeError` is no crash: it explains itself in one line. TFLite and TensorFlow announce delegates and missing
    accelerators there while they load.
    """
    with tempfile.TemporaryFile() as held, ExitStack() as stack:
        saved = os.dup(2)
        stack.callback(os.close, saved)
        stack.callback(os.dup2, saved, 2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except EdgeError:
            raise
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise


@contextmanager
def drop_stderr() -> Iterator[None]:
    """Discard what native libraries write to file descriptor 2 in this block; `sys.stderr` is shown as before.

    The MP3 decoder reports each odd frame and ALSA each card that it does not find, which would tear the panel. What
    is wrong with the audio comes as an error or as an event of the source.
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

"""Hold back what native libraries write to stderr while they load."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from edge.errors import EdgeError


@contextmanager
def hold_stderr() -> Iterator[None]:
    """Keep what is written to file descriptor 2 in this block to itself, and show it only if the block crashes.

    An `EdgeError` says all that there is to say in one line, so it is no crash.

    TFLite and TensorFlow announce delegates and missing accelerators there from C++, below anything that Python could
    filter. For command lines only: the descriptor belongs to the whole process.
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

"""TensorFlow, imported as this project needs it."""

from __future__ import annotations

import ctypes
import os
import sys

from edge.native_stderr import hold_stderr

_MALLOC = {-4: 0, -1: -1, -8: 1, -2: 1 << 26}
"""mallopt's M_MMAP_MAX, M_TRIM_THRESHOLD (never), M_ARENA_MAX and M_TOP_PAD (bytes), by their numbers in malloc.h."""


def load_tensorflow() -> None:
    """Import TensorFlow without the lines that it greets with."""
    # The model-optimization toolkit speaks tf_keras only; it reads this when TensorFlow is first imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # AutoGraph warns of every lambda in the graph; nothing in these commands relies on it.
    os.environ.setdefault("AUTOGRAPH_VERBOSITY", "0")
    _keep_freed_memory()
    with hold_stderr():
        import tensorflow as tf

        # The first tensor starts the device, which says more; so does the first transpose of strings, which
        # `tf.summary.audio` would else be the one to ask for.
        tf.transpose(tf.fill([2, 2], ""))
    # It warns of every new view of a network, and dev is scored with a fresh one after each epoch.
    tf.get_logger().setLevel("ERROR")


def _keep_freed_memory() -> None:
    """Let glibc keep what TensorFlow frees, which asks for as much again in the next step.

    By default every large tensor is mapped anew and filled with zeros by the kernel, page by page: nearly half of the
    processor time of `workbench train --config patches`.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    for option, value in _MALLOC.items() if mallopt else ():
        mallopt(option, value)  # type: ignore[misc]

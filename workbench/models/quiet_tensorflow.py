"""TensorFlow, imported as this project needs it."""

from __future__ import annotations

import os

from edge.native_stderr import hold_stderr


def load_tensorflow() -> None:
    """Import TensorFlow without the lines that it greets with."""
    # The model-optimization toolkit speaks tf_keras only; it reads this when TensorFlow is first imported.
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # AutoGraph warns of every lambda in the graph; nothing in these commands relies on it.
    os.environ.setdefault("AUTOGRAPH_VERBOSITY", "0")
    with hold_stderr():
        import tensorflow as tf

        # The first tensor starts the device, which says more; so does the first transpose of strings, which
        # `tf.summary.audio` would else be the one to ask for.
        tf.transpose(tf.fill([2, 2], ""))
    # It warns of every new view of a network, and dev is scored with a fresh one after each epoch.
    tf.get_logger().setLevel("ERROR")

"""Trials of a search as TensorBoard's HParams tab shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api


def write_trial(folder: Path, name: str, values: Mapping[str, Any], figures: Mapping[str, float]) -> None:
    """Log one trial's drawn ``values`` and its ``figures`` under ``folder``; lists and tables are shown as JSON."""
    shown = {key: json.dumps(value) if isinstance(value, list | dict) else value for key, value in values.items()}
    with tf.summary.create_file_writer(str(folder)).as_default():
        api.hparams(shown, trial_id=name)
        for figure, value in figures.items():
            tf.summary.scalar(figure, value, step=0)

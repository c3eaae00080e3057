"""ONNX graphs on one thread, and Python packages from the folder of engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

PACKAGES = "python"
"""Sub-folder of the engines' folder that holds unpacked Python packages."""


def open_graph(path: Path, seed: int | None = None) -> Any:
    """An ONNX Runtime session on one thread, since clips are made side by side in processes.

    ``seed`` fixes what the graph draws; it draws on from one run to the next.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if seed is not None:
        onnxruntime.set_seed(seed)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def use_packages(engines: Path) -> Path:
    """Make the packages unpacked in ``engines`` importable, behind those of this environment."""
    folder = engines / PACKAGES
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return folder

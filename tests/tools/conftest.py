"""Run folders that tests of the programs read."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.config import config_from_dict
from workbench.data.manifest import Manifest, Row, write_manifest
from workbench.train.runs import RunFolder, RunInfo


def write_ridge_run(folder, rows, passes, **train):
    """A run folder as `train.solver = "ridge"` leaves it, of as many filters as ``passes`` have statistics.

    ``rows`` are the manifest's, ``passes`` one (indices into those of train, statistics [shape=(n, S)]) each.
    """
    filters = passes[0][1].shape[1]
    config = config_from_dict(
        {
            "name": "made",
            "model": {
                "patch_filters": filters,
                "patch_regions": 1,
                "widths": [],
                "dilations": [],
                "head_units": 0,
                "statistics": ["mean"],
                "batch_norm": False,
            },
            "train": {"solver": "ridge", "ridge": {"passes": len(passes), **train}},
        }
    )
    folder.mkdir(parents=True)
    manifest = Manifest(tuple(rows), folder)
    write_manifest(manifest, folder / "manifest.tsv")
    info = RunInfo(config, str(folder / "manifest.tsv"), str(folder), manifest.digest(), "", "0123456789ab", {})
    RunFolder(folder).create(info)
    for number, (indices, statistics) in enumerate(passes):
        np.savez(folder / f"pass-{number}.npz", indices=indices, statistics=statistics.astype(np.float32))
    return folder


@pytest.fixture
def make_ridge_run(tmp_path):
    """Write a run folder NAME below tmp_path; see `write_ridge_run`."""
    return lambda name, rows, passes, **train: write_ridge_run(tmp_path / name, rows, passes, **train)


def rows_of(sources, clips, *, paired="yes", attacks=1, prefix="s"):
    """Rows of train: ``clips`` of each class in each source, the spoof ones of ``attacks`` by turns."""
    return [
        Row(
            f"{prefix}{source}-{label}-{clip}.wav",
            label=label,
            source_repo=f"{prefix}{source}",
            attack_id=f"a{clip % attacks}" if label == "spoof" else "-",
            paired=paired,
        )
        for source in range(sources)
        for label in ("bonafide", "spoof")
        for clip in range(clips)
    ]


@pytest.fixture
def make_rows():
    """`rows_of`."""
    return rows_of

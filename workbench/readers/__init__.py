"""Readers: from the layout in which a corpus is published to a manifest.

Each takes the folder that the corpus unpacks to, checks that the audio is there, and returns a `Manifest` whose paths
are relative to it. `LAYOUTS` lists them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workbench.manifest import Manifest
from workbench.readers.asvspoof import asvspoof5, asvspoof2019_la, asvspoof2021_df, asvspoof2021_la
from workbench.readers.collections_of_folders import fake_or_real, wavefake
from workbench.readers.in_the_wild import in_the_wild
from workbench.readers.mlaad import mlaad
from workbench.readers.two_folders import two_folders

Reader = Callable[[Path, bool], Manifest]

LAYOUTS: dict[str, Reader] = {
    "asvspoof2019-la": asvspoof2019_la,
    "asvspoof2021-la": asvspoof2021_la,
    "asvspoof2021-df": asvspoof2021_df,
    "asvspoof5": asvspoof5,
    "in-the-wild": in_the_wild,
    "fake-or-real": fake_or_real,
    "wavefake": wavefake,
    "mlaad": mlaad,
}
"""Reader of each layout: ``reader(root, skip_missing)``. Two folders of one's own are read by `two_folders`."""

__all__ = ["LAYOUTS", "Reader", "two_folders"]

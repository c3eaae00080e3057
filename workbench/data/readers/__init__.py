"""Readers: from the layout in which a corpus is published to a manifest.

Each takes the folder that the corpus unpacks to, checks that the audio is there, and returns a `Manifest` whose paths
are relative to it. `LAYOUTS` lists them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.data.manifest import Manifest
from workbench.data.readers.asvspoof import asvspoof5, asvspoof2019_la, asvspoof2021_df, asvspoof2021_la
from workbench.data.readers.collections_of_folders import fake_or_real, wavefake
from workbench.data.readers.in_the_wild import in_the_wild
from workbench.data.readers.mlaad import mlaad
from workbench.data.readers.two_folders import two_folders

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
"""Reader of each published layout: ``reader(root, skip_missing)``; two folders of one's own are `two_folders`."""


def check_usage(name: str, roots: Sequence[Path], subset: str | None) -> None:
    """Check the arguments of `read_layout`.

    Raises
    ------
    ValueError
        A number of folders, or a subset, that the layout does not have.
    """
    fewest, most = {"two-folders": (2, 2), "mlaad": (1, 2)}.get(name, (1, 1))
    if not fewest <= len(roots) <= most:
        wanted = {"two-folders": "two folders, bona fide and spoof", "mlaad": "its folder and perhaps that of M-AILABS"}
        raise ValueError(f"{name} takes {wanted.get(name, 'one folder')}; got {len(roots)}")
    if subset is not None and name not in _SUBSET_READERS:
        raise ValueError(f"{name} has no subsets; only {' and '.join(_SUBSET_READERS)} have")


def read_layout(name: str, roots: Sequence[Path], *, skip_missing: bool = False, subset: str | None = None) -> Manifest:
    """Read the layout ``name``: one of `LAYOUTS`, or ``two-folders``.

    Parameters
    ----------
    roots : the corpus' folder; for ``two-folders`` bona fide, then spoof; for ``mlaad`` M-AILABS may follow.
    subset : ``progress``, ``eval`` or ``hidden`` of ASVspoof 2021; None keeps all.

    Raises
    ------
    ValueError
        See `check_usage`.
    ManifestError
        The layout does not fit, or audio is missing.
    """
    check_usage(name, roots, subset)
    if name == "two-folders":
        return two_folders(*roots)
    if name == "mlaad":
        return mlaad(roots[0], skip_missing, *roots[1:])
    if subset is not None:
        return _SUBSET_READERS[name](roots[0], skip_missing, subset)
    return LAYOUTS[name](roots[0], skip_missing)


_SUBSET_READERS = {"asvspoof2021-la": asvspoof2021_la, "asvspoof2021-df": asvspoof2021_df}

__all__ = ["LAYOUTS", "Reader", "check_usage", "read_layout", "two_folders"]

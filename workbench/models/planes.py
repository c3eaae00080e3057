"""The pictures that a frame's features are made of, each with filters of its own: power, phase, the brief reading."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract import FrontEndSpec


@dataclass(frozen=True)
class Plane:
    """Where a picture lies among the features of a frame, and its shape there: in time order, bands, channels."""

    start: int
    rows: int
    bands: int
    channels: int
    level_free: bool
    """Logarithms of power: a patch's mean is how loud it was recorded, and must not count."""

    @property
    def columns(self) -> slice:
        """Of the features [shape=(…, F)]."""
        return slice(self.start, self.start + self.rows * self.bands * self.channels)


def planes_of(frontend: FrontEndSpec) -> dict[str, Plane]:
    """The pictures that ``frontend`` makes, by the name of the layer that reads them."""
    shapes = {
        "patch_power": (1, frontend.n_mels, 1, True),
        "patch_phase": (1, frontend.phase_bands, 2, False),
        "patch_brief": (frontend.brief_rows, frontend.brief_bands, 1, True),
    }
    found: dict[str, Plane] = {}
    start = 0
    for name, (rows, bands, channels, level_free) in shapes.items():
        if bands:
            found[name] = Plane(start, rows, bands, channels, level_free)
            start = found[name].columns.stop
    return found

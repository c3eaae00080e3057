"""Configuration of the network, the table ``[model]``, and the input planes that a front end makes for it."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract import FrontEndSpec
from workbench.errors import require

ACTIVATIONS = ("relu", "leaky_relu")
SKIPS = ("none", "identity", "projection")
STATISTICS = ("mean", "deviation")


@dataclass(frozen=True)
class ModelConfig:
    """The detector: filters on patches (``patch_…``), or temporal convolutions (``kernels`` to ``dropout``), which have
    one branch per kernel, each with one block per width. See `family`.
    """

    patch_filters: int = 0
    """Filters over frames and bands; 0: temporal convolutions instead."""
    patch_phase_share: float = 0.5
    """Share of the filters on the phase advance, where the front end measures it."""
    patch_brief_share: float = 0.0
    """Share of the filters on the 4 ms spectrum, where the front end has one; the others are on power."""
    patch_brief_step: int = 4
    """Windows of the 4 ms spectrum from one place of a filter to the next; its places in ``patch_stride`` frames are
    averaged."""
    patch_size: tuple[int, int] = (7, 7)
    """Frames and bands that a filter spans."""
    patch_stride: tuple[int, int] = (2, 2)
    patch_regions: int = 4
    """Regions of neighbouring bands over which the rectified outputs of a filter are averaged."""

    encoder_blocks: int = 0
    """Transformer blocks of the pretrained encoder; 0: none. Beside patch_filters: both, and a fusion."""
    encoder_width: int = 384
    encoder_past_chunks: int = 4
    """Chunks before its own that a frame attends to."""
    encoder_head_units: int = 64
    encoder_dropout: float = 0.3
    """Of the encoder's head."""

    kernels: tuple[int, ...] = (3,)
    widths: tuple[int, ...] = (60, 60, 60, 60, 60, 60, 60, 60)
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8)
    activation: str = "relu"
    skip: str = "identity"
    """``identity`` adds a block's input to its output where widths agree; ``projection`` adds, from the third
    block on, a 1x1 convolution of the output two blocks before (the Dessa network)."""
    batch_norm: bool = True
    dropout: float = 0.1
    """Spatial dropout: whole channels."""
    statistics: tuple[str, ...] = STATISTICS
    forgetting_s: float | None = 8.0
    """Time constant in seconds of speech; None keeps everything."""
    head_units: int = 32
    """Hidden units between the statistics and the raw score; 0: the raw score is linear in them."""
    head_compression: float = 0.0
    """Above 0, the head reads each statistic as ``tanh(head_compression * (x - mean) / deviation)``, by mean and
    deviation over the training clips: a clip that is odd in a few of them then counts for no more than others."""
    chunk_samples: int = 4096

    def __post_init__(self) -> None:
        require(self.activation in ACTIVATIONS, f"activation is one of {ACTIVATIONS}; got {self.activation!r}")
        require(self.skip in SKIPS, f"skip is one of {SKIPS}; got {self.skip!r}")
        require(
            bool(self.statistics) and set(self.statistics) <= set(STATISTICS),
            f"statistics are some of {STATISTICS}; got {self.statistics}",
        )
        require(
            len(self.widths) == len(self.dilations)
            and bool(self.widths) != bool(self.patch_filters or self.encoder_blocks),
            "give one dilation per width, and either widths, or patch_filters, encoder_blocks or both (then widths = "
            f"[] and dilations = []); got {len(self.widths)} widths, {len(self.dilations)} dilations, "
            f"{self.patch_filters} patch_filters and {self.encoder_blocks} encoder_blocks",
        )
        require(
            min(self.kernels, default=0) >= 1 and min((*self.widths, *self.dilations, 1)) >= 1,
            "kernels, widths and dilations are positive",
        )
        require(
            self.patch_filters >= 0 and min(*self.patch_size, *self.patch_stride, self.patch_regions) >= 1,
            "patch sizes, strides and regions are positive, and patch_filters at least 0",
        )
        require(
            self.patch_stride[0] <= self.patch_size[0],
            f"patch_stride steps over frames: at most patch_size; got {self.patch_stride} and {self.patch_size}",
        )
        require(
            min(self.patch_phase_share, self.patch_brief_share) >= 0
            and self.patch_phase_share + self.patch_brief_share < 1,
            "patch_phase_share and patch_brief_share are at least 0, and leave filters to power; "
            f"got {self.patch_phase_share} and {self.patch_brief_share}",
        )
        require(
            self.head_compression == 0 or (self.head_compression > 0 and self.patch_filters > 0),
            "head_compression is at least 0 (statistics as they are), and above 0 needs patches; "
            f"got {self.head_compression}",
        )
        require(self.head_units >= 0, f"head_units is at least 0 (a linear head); got {self.head_units}")
        require(0 <= self.dropout < 1, f"dropout lies in [0, 1); got {self.dropout}")
        require(
            self.forgetting_s is None or self.forgetting_s > 0, f"forgetting_s is positive; got {self.forgetting_s}"
        )

    @property
    def family(self) -> str:
        """Which list of blocks it is: a module beside this one."""
        if self.encoder_blocks:
            return "fusion" if self.patch_filters else "encoder"
        if self.patch_filters:
            return "patches"
        return "dessa" if self.skip == "projection" else "tcn"

    @property
    def frame_stride(self) -> int:
        """Frames between the vectors that are pooled."""
        return self.patch_stride[0] if self.patch_filters else 1

    def row_step(self, plane: InputPlane) -> int:
        """Rows of ``plane`` from one place of a filter to the next: frames, or windows of the 4 ms spectrum."""
        return self.patch_brief_step if plane.rows > 1 else self.frame_stride

    def patch_parts(self, frontend: FrontEndSpec) -> dict[str, int]:
        """Count the filters on each input plane, by its name; planes that the front end does not have are left out."""
        phase = int(self.patch_filters * self.patch_phase_share) if frontend.phase_bands else 0
        brief = int(self.patch_filters * self.patch_brief_share) if frontend.brief_window else 0
        parts = {"patch_power": self.patch_filters - phase - brief, "patch_phase": phase, "patch_brief": brief}
        return {name: filters for name, filters in parts.items() if filters}

    def power_filters(self, frontend: FrontEndSpec) -> int:
        """Count the filters on power; they come first."""
        return self.patch_parts(frontend).get("patch_power", 0)


@dataclass(frozen=True)
class InputPlane:
    """A group of a frame's features with a shape of its own, and filters of its own: power, phase or 4 ms spectrum.

    Attributes
    ----------
    start : its first feature.
    rows, bands, channels : its shape in a frame, in time order.
    level_free : logarithms of power, where a patch's mean is how loud it was recorded, and must not count.
    """

    name: str
    start: int
    rows: int
    bands: int
    channels: int
    level_free: bool

    @property
    def columns(self) -> slice:
        """Of the features [shape=(…, F)]."""
        return slice(self.start, self.start + self.rows * self.bands * self.channels)


def input_planes(frontend: FrontEndSpec) -> dict[str, InputPlane]:
    """List the input planes of ``frontend`` by their names, in the order of the features."""
    shapes = {
        "patch_power": (1, frontend.n_mels, 1, True),
        "patch_phase": (1, frontend.phase_bands, 2, False),
        "patch_brief": (frontend.brief_rows, frontend.brief_bands, 1, True),
    }
    planes: dict[str, InputPlane] = {}
    start = 0
    for name, (rows, bands, channels, level_free) in shapes.items():
        if bands:
            planes[name] = InputPlane(name, start, rows, bands, channels, level_free)
            start = planes[name].columns.stop
    return planes

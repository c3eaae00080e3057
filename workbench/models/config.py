"""Configuration of the network; `workbench.config` re-exports it as the table ``[model]``."""

from __future__ import annotations

from dataclasses import dataclass

from edge.contract import FrontEndSpec
from workbench.errors import require

ACTIVATIONS = ("relu", "leaky_relu")
SKIPS = ("none", "identity", "projection")
STATISTICS = ("mean", "deviation")


@dataclass(frozen=True)
class ModelConfig:
    """The detector: patches (a 2-D convolution over frames and bands), temporal convolutions, or the first and then the
    second. Temporal convolutions have one branch per kernel, each with one block per width; without widths, none.
    """

    patch_filters: int = 0
    """Filters of the 2-D convolution; 0: none."""
    patch_phase_share: float = 0.5
    """Share of the filters that read phase, where the front end measures it."""
    patch_brief_share: float = 0.0
    """Share of the filters that read the brief reading, where the front end has one; the others read power."""
    patch_brief_step: int = 4
    """Windows of the brief reading from one place of a filter to the next; its places in ``patch_stride`` frames are
    averaged."""
    patch_size: tuple[int, int] = (7, 7)
    """Frames and bands that a filter spans."""
    patch_stride: tuple[int, int] = (2, 2)
    patch_regions: int = 4
    """Regions of neighbouring bands over which the rectified outputs of a filter are averaged."""

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
    """Hidden units between the statistics and the evidence; 0: the evidence is linear in them."""
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
            len(self.widths) == len(self.dilations) and bool(self.widths or self.patch_filters),
            "give one dilation per width, and widths or patch_filters; "
            f"got {len(self.widths)} widths and {len(self.dilations)} dilations",
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
    def frame_stride(self) -> int:
        """Frames between the vectors that are pooled."""
        return self.patch_stride[0] if self.patch_filters else 1

    def patch_parts(self, frontend: FrontEndSpec) -> dict[str, int]:
        """How many of the ``patch_filters`` read power, phase and the brief reading, in this order, by the names of
        their layers; what the front end does not have is left out.
        """
        phase = int(self.patch_filters * self.patch_phase_share) if frontend.phase_bands else 0
        brief = int(self.patch_filters * self.patch_brief_share) if frontend.brief_window else 0
        parts = {"patch_power": self.patch_filters - phase - brief, "patch_phase": phase, "patch_brief": brief}
        return {name: filters for name, filters in parts.items() if filters}

    def power_filters(self, frontend: FrontEndSpec) -> int:
        """How many of the ``patch_filters`` read power; they come first."""
        return self.patch_parts(frontend).get("patch_power", 0)

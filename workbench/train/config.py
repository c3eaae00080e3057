"""Configuration of training: the tables ``[train]``, ``[train.ridge]`` and ``[train.descent]``."""

from __future__ import annotations

from dataclasses import dataclass, field

from workbench.errors import require
from workbench.transmissions import TRANSMISSION_NAMES

SOLVERS = ("descent", "ridge", "fusion")
DRAWS = ("system", "source")
MIN_SPEECH_S = 0.75
"""Seconds of speech below which an answer counts neither in the loss nor in the regression."""


@dataclass(frozen=True)
class RidgeConfig:
    """Fields of `workbench.train.ridge.fit_ridge`, which trained the shipped model."""

    passes: int = 4
    """Passes over the training clips: one over unchanged clips, then each over newly augmented ones."""
    dictionary_atoms: int = 0
    """Filters to learn; recursive feature elimination keeps ``model.patch_filters`` of them. 0: learn no more than are
    kept."""
    penalties: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    """Ridge penalties to try, in mean eigenvalues; dev chooses."""
    wccn_penalty: float = 0.0
    """Within-class covariance penalty, in mean eigenvalues, on the differences between a clip and its augmented self.
    Above 0 the regression fits unchanged clips only; 0: it fits unchanged and augmented clips alike."""

    def __post_init__(self) -> None:
        require(self.passes >= 1, f"train.ridge.passes is at least 1; got {self.passes}")
        atoms = self.dictionary_atoms
        require(atoms >= 0, f"train.ridge.dictionary_atoms is at least 0; got {atoms}")
        require(
            bool(self.penalties) and min(self.penalties) > 0,
            f"train.ridge.penalties are positive; got {self.penalties}",
        )
        require(
            self.wccn_penalty == 0 or (self.wccn_penalty > 0 and self.passes > 1),
            f"train.ridge.wccn_penalty is at least 0, and needs at least 2 passes; got {self.wccn_penalty} and "
            f"{self.passes} passes",
        )


@dataclass(frozen=True)
class DescentConfig:
    """Fields of `workbench.train.descent.fit`: AdamW on cross-entropy."""

    epochs: int = 11
    steps_per_epoch: int = 100
    early_stopping_epochs: int = 11
    """Stop after this many epochs without a better dev EER."""
    learning_rate: float = 1e-3
    """Highest rate, after a short warm-up; it falls to 2 % of that by a cosine over all steps."""
    pretrained_rate: float = 1.0
    """Share of the learning rate for layers that start from pretrained weights."""
    second_momentum: float = 0.999
    """Of the running mean of squared gradients."""
    weight_decay: float = 1e-4
    label_smoothing: float = 0.02
    average_momentum: float = 0.98
    """Momentum per step of the running average of the weights, which is scored on dev and kept: a few hundred dev
    clips would otherwise choose by the noise of single steps. 0 keeps the weights themselves."""
    bonafide_weight: float = 1.0
    """Weight of a bona fide clip's loss relative to a spoof clip's."""
    intermediate_loss: float = 0.3
    """Weight of the loss at the chunks before the last, so that early answers are trained, too."""
    tensorboard_audio: bool = True
    """Write augmented training clips to TensorBoard; the run folder then holds recordings of the corpus."""

    def __post_init__(self) -> None:
        for name in ("epochs", "steps_per_epoch", "early_stopping_epochs"):
            require(getattr(self, name) >= 1, f"train.descent.{name} is at least 1; got {getattr(self, name)}")
        momentum, early = self.average_momentum, self.intermediate_loss
        require(0 <= momentum < 1, f"train.descent.average_momentum lies in [0, 1); got {momentum}")
        require(
            0 <= self.second_momentum < 1, f"train.descent.second_momentum lies in [0, 1); got {self.second_momentum}"
        )
        require(self.pretrained_rate >= 0, f"train.descent.pretrained_rate is at least 0; got {self.pretrained_rate}")
        require(0 <= early <= 1, f"train.descent.intermediate_loss lies in [0, 1]; got {early}")


@dataclass(frozen=True)
class TrainConfig:
    """Fields of ``[train]``: the solver, and the clips that either solver draws."""

    seed: int = 0
    solver: str = "descent"
    """``descent``, ``ridge`` or ``fusion``, each a module of `workbench.train`."""
    branches: tuple[str, ...] = ()
    """Run folders of the branches that ``fusion`` joins: one of patches, and one or several of the encoder."""
    clip_s: float = 3.84
    """Length of training clips in seconds, rounded up to whole chunks."""
    batch_size: int = 32
    paired_share: float = 0.5
    """Share of bona fide draws that come from the same source as a drawn spoof clip."""
    draw_by: str = "system"
    """What every pair is drawn by first: ``system`` (then its sources) or ``source`` (then its systems)."""
    dev_transmission: str | None = None
    """Transmission through which dev is scored once more, as half of what selects the weights."""
    dev_clips: int | None = None
    """Select and calibrate by this many dev clips, drawn evenly over label and attack; None takes all. Their features
    stay in memory: 25,000 clips of ASVspoof 2019 would take gigabytes."""
    ridge: RidgeConfig = field(default_factory=RidgeConfig)
    descent: DescentConfig = field(default_factory=DescentConfig)

    def __post_init__(self) -> None:
        require(self.solver in SOLVERS, f"train.solver is one of {SOLVERS}; got {self.solver!r}")
        require(self.clip_s > 0, f"train.clip_s is positive; got {self.clip_s}")
        require(
            self.batch_size >= 2 and self.batch_size % 2 == 0,
            f"train.batch_size is even and at least 2, since half of a batch is spoof; got {self.batch_size}",
        )
        require(0 <= self.paired_share <= 1, f"train.paired_share lies in [0, 1]; got {self.paired_share}")
        require(self.draw_by in DRAWS, f"train.draw_by is one of {DRAWS}; got {self.draw_by!r}")
        require(
            self.dev_transmission is None or self.dev_transmission in TRANSMISSION_NAMES,
            f"train.dev_transmission is one of {', '.join(TRANSMISSION_NAMES)}; got {self.dev_transmission!r}",
        )
        require(self.dev_clips is None or self.dev_clips >= 2, f"train.dev_clips is at least 2; got {self.dev_clips}")

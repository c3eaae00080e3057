"""Configuration of training; `workbench.config` re-exports it as the table ``[train]``."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import require
from workbench.transmissions.names import TRANSMISSION_NAMES

SOLVERS = ("gradient", "ridge")
MIN_SPEECH_S = 0.75
"""Seconds of speech below which an answer counts neither in the loss nor in the regression."""
_COUNTS = ("epochs", "steps_per_epoch", "early_stopping_epochs", "passes")
_SHARES = ("paired_share", "intermediate_loss")


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation and sampling."""

    seed: int = 0
    solver: str = "gradient"
    """``gradient`` descends; ``ridge`` learns patches without labels and solves for a linear head
    (`workbench.train.closed_form`): of the rest it reads seed, clip_s and the five below."""
    passes: int = 4
    """How often ``ridge`` hears each training clip: once as it is, then augmented anew each time."""
    candidates: int = 0
    """Filters that ``ridge`` learns and tries, of which it keeps the ``patch_filters`` that serve the head best; 0: no
    more than are kept."""
    penalties: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    """Penalties of ``ridge``, in mean eigenvalues; dev chooses."""
    nuisance: float = 0.0
    """Above 0, ``ridge`` fits to clips as they are alone, and the augmented passes only show what must not move the
    evidence: this penalty, in mean eigenvalues, lies on the differences between a clip and its augmented self."""
    dev_transmission: str = "telephone"
    """Channel through which ``ridge`` hears dev once more: half of what chooses the penalty; "clean" for none."""
    epochs: int = 11
    steps_per_epoch: int = 100
    batch_size: int = 32
    clip_s: float = 3.84
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    label_smoothing: float = 0.02
    average_momentum: float = 0.98
    """Momentum of the running average of the weights, a step; dev is scored with, and the run keeps, the average:
    a few hundred dev clips would else choose by the noise of single steps. 0 keeps the weights as they are."""
    bonafide_weight: float = 1.0
    """Weight of a bona fide clip's loss against a spoof clip's."""
    early_stopping_epochs: int = 11
    """Stop after this many epochs without a better dev EER."""
    paired_share: float = 0.5
    """Share of bona fide draws that come from the same source as a drawn spoof clip."""
    intermediate_loss: float = 0.3
    """Weight of the loss at the chunks before the last, which teaches early answers."""
    dev_clips: int | None = None
    """Choose the epoch, and calibrate, by this many dev clips, drawn evenly over label and attack; None takes all.
    Their features stay in memory: 25,000 clips of ASVspoof 2019 would take gigabytes."""
    tensorboard_audio: bool = True
    """Put augmented training clips into TensorBoard; the run folder then holds recordings of the corpus."""

    def __post_init__(self) -> None:
        require(self.solver in SOLVERS, f"train.solver is one of {SOLVERS}; got {self.solver!r}")
        require(self.candidates >= 0, f"train.candidates is at least 0; got {self.candidates}")
        require(bool(self.penalties) and min(self.penalties) > 0, f"train.penalties are positive; got {self.penalties}")
        require(
            self.nuisance == 0 or (self.nuisance > 0 and self.passes > 1),
            f"train.nuisance is at least 0, and needs at least 2 passes; got {self.nuisance}, {self.passes}",
        )
        for name in _COUNTS:
            require(getattr(self, name) >= 1, f"train.{name} is at least 1; got {getattr(self, name)}")
        require(
            self.batch_size >= 2 and self.batch_size % 2 == 0,
            f"train.batch_size is even and at least 2, since half of a batch is spoof; got {self.batch_size}",
        )
        require(
            self.dev_transmission in TRANSMISSION_NAMES,
            f"train.dev_transmission is one of {', '.join(TRANSMISSION_NAMES)}; got {self.dev_transmission!r}",
        )
        require(self.clip_s > 0, f"train.clip_s is positive; got {self.clip_s}")
        require(0 <= self.average_momentum < 1, f"train.average_momentum lies in [0, 1); got {self.average_momentum}")
        require(self.dev_clips is None or self.dev_clips >= 2, f"train.dev_clips is at least 2; got {self.dev_clips}")
        for name in _SHARES:
            require(0 <= getattr(self, name) <= 1, f"train.{name} lies in [0, 1]; got {getattr(self, name)}")

    @property
    def heard_through(self) -> str | None:
        """The channel through which dev is heard once more; None where the solver does not, or it is clean."""
        return self.dev_transmission if self.solver == "ridge" and self.dev_transmission != "clean" else None

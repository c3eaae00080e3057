"""Configuration of training; `workbench.config` re-exports it as the table ``[train]``."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.errors import require
from workbench.transmissions.names import TRANSMISSION_NAMES

SOLVERS = ("gradient", "ridge")
LOSSES = ("cross_entropy", "one_class", "margin")
TEACHER_HEARS = ("clean", "same")
_COUNTS = ("epochs", "steps_per_epoch", "early_stopping_epochs", "passes")
_SHARES = ("paired_share", "intermediate_loss", "distillation")
_WEIGHTS = ("ranking", "contrastive", "adversarial")
_POSITIVE = ("clip_s", "cosine_scale", "contrastive_temperature", "temperature")


@dataclass(frozen=True)
class TrainConfig:
    """Optimisation and sampling."""

    seed: int = 0
    solver: str = "gradient"
    """``gradient`` descends; ``ridge`` learns patches without labels and solves for a linear head
    (`workbench.train.closed_form`): of the rest it reads seed, clip_s, the five below, and what teachers need."""
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
    """Of ``cross_entropy``; the other losses have margins instead."""
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

    loss: str = "cross_entropy"
    """``cross_entropy`` of the evidence of a linear head; ``one_class``: OC-Softmax (Zhang, Jiang and Duan 2021), bona
    fide clips close together and spoof clips anywhere else; ``margin``: additive-margin softmax (Wang et al. 2018).
    The latter two read angles: the head, the deployed one too, is then `workbench.models.heads.CosineEvidence`."""
    cosine_scale: float = 20.0
    """Nats of evidence that a cosine of 1 is worth in ``one_class`` and ``margin``."""
    one_class_margins: tuple[float, float] = (0.9, 0.2)
    """The cosine that ``one_class`` asks of bona fide clips at least, and of spoof clips at most."""
    additive_margin: float = 0.9
    """What ``margin`` takes off the cosine to a clip's own class; the value for this task in Zhang et al. (2021)."""
    ranking: float = 0.0
    """Weight of the ranking loss between bona fide and spoof clips of one source; needs sources that hold both."""
    contrastive: float = 0.0
    """Weight of the supervised contrastive loss (Khosla et al. 2020) on what the last layer reads."""
    contrastive_temperature: float = 0.1
    adversarial: float = 0.0
    """Largest factor of the reversed gradient by which what the last layer reads unlearns the source and the channel
    (Ganin et al. 2016); it grows from 0 as there. Sources of one class alone do not count: they tell the class too."""
    distillation: float = 0.0
    """Share of the loss (of ``ridge``'s target) that the teachers of ``--teacher`` have; the labels have the rest."""
    temperature: float = 1.0
    """Divides the evidence of teacher and student before they are compared (Hinton et al. 2015). Teachers are
    calibrated on dev, so at 1 their probabilities are what they know; higher is softer."""
    teacher_hears: str = "clean"
    """``clean``: the stretch of the clip before augmentation; ``same``: what the student hears."""

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
        for name in _POSITIVE:
            require(getattr(self, name) > 0, f"train.{name} is positive; got {getattr(self, name)}")
        require(0 <= self.average_momentum < 1, f"train.average_momentum lies in [0, 1); got {self.average_momentum}")
        require(self.dev_clips is None or self.dev_clips >= 2, f"train.dev_clips is at least 2; got {self.dev_clips}")
        for name in _SHARES:
            require(0 <= getattr(self, name) <= 1, f"train.{name} lies in [0, 1]; got {getattr(self, name)}")
        self._check_losses()

    def _check_losses(self) -> None:
        require(self.loss in LOSSES, f"train.loss is one of {LOSSES}; got {self.loss!r}")
        for name in _WEIGHTS:
            require(getattr(self, name) >= 0, f"train.{name} is a weight of at least 0; got {getattr(self, name)}")
        bonafide, spoof = self.one_class_margins
        require(
            -1 <= spoof < bonafide <= 1,
            "train.one_class_margins are cosines, that of bona fide clips first and above that of spoof clips; "
            f"got {self.one_class_margins}",
        )
        require(
            0 <= self.additive_margin < 2,
            f"train.additive_margin lies in [0, 2), since two cosines differ by at most 2; got {self.additive_margin}",
        )
        require(
            self.contrastive == 0 or self.batch_size >= 4,
            f"train.contrastive needs a batch_size of at least 4, two clips of each class; got {self.batch_size}",
        )
        require(
            self.teacher_hears in TEACHER_HEARS,
            f"train.teacher_hears is one of {TEACHER_HEARS}; got {self.teacher_hears!r}",
        )
        descended = [name for name in _WEIGHTS if getattr(self, name) > 0] + ["loss"] * (self.loss != "cross_entropy")
        require(
            self.solver == "gradient" or not descended,
            f'train.solver = "ridge" knows squared errors alone: leave out {", ".join(descended)}, '
            'or set solver = "gradient"',
        )

    @property
    def heard_through(self) -> str | None:
        """The channel through which dev is heard once more; None where the solver does not, or it is clean."""
        return self.dev_transmission if self.solver == "ridge" and self.dev_transmission != "clean" else None

    @property
    def margin(self) -> float:
        """Nats of evidence beyond 0 that the loss asks of every clip; 0 for ``cross_entropy``."""
        bonafide, spoof = self.one_class_margins
        margins = {"one_class": (bonafide - spoof) / 2.0, "margin": self.additive_margin}
        return self.cosine_scale * margins.get(self.loss, 0.0)

"""The training loop: batches in, best weights out; a killed run goes on where its last checkpoint stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.data.loader import Batch, Loader
from workbench.errors import TrainingError
from workbench.models.network import Network
from workbench.train.adversary import Adversary, domain_counts
from workbench.train.dev import DevSet, evaluate_dev, score_dev
from workbench.train.distillation import Teachers
from workbench.train.objective import Lesson
from workbench.train.runs import RunFolder
from workbench.train.stepper import Stepper
from workbench.train.tensorboard_views import TrainingViews
from workbench.transmissions.augment import mask_features

Float = NDArray[np.float32]

_WARM_UP_STEPS = 50


class FeatureSource:
    """Turns the loader's batches into augmented features, and asks the teachers about them."""

    def __init__(self, network: Network, loader: Loader, teachers: Teachers | None = None) -> None:
        self.loader, self.teachers = loader, teachers
        self.model = tf.function(network.feature_model(loader.clip_samples))

    def epoch(self, epoch: int, steps: int) -> Iterator[tuple[Float, Float, Float]]:
        """Yield (features, mask, labels) of each batch of one epoch."""
        for step, batch in enumerate(self.loader.epoch(epoch, steps)):
            yield (*self._augmented(batch, epoch, step), batch.labels)

    def lessons(self, epoch: int, steps: int) -> Iterator[Lesson]:
        """Yield each batch of one epoch with all that a step of training takes."""
        for step, batch in enumerate(self.loader.epoch(epoch, steps)):
            features, mask = self._augmented(batch, epoch, step)
            yield Lesson(features, mask, batch.labels, batch.sources, batch.channels, self._taught(batch))

    def _augmented(self, batch: Batch, epoch: int, step: int) -> tuple[Float, Float]:
        features, mask = self.model(batch.samples)
        rng = np.random.default_rng([self.loader.seed, epoch, step, 1])
        return mask_features(features.numpy(), self.loader.augmentation, rng), mask.numpy()

    def _taught(self, batch: Batch) -> Float:
        if self.teachers is None:
            return np.zeros_like(batch.labels)
        return self.teachers(batch.samples if batch.clean is None else batch.clean)


def fit(
    network: Network,
    loader: Loader,
    dev: DevSet,
    folder: RunFolder,
    progress: Callable[[int, int], Any],
    stop_after_epochs: int | None = None,
    teachers: Teachers | None = None,
) -> list[dict[str, Any]]:
    """Train ``network`` to ``folder.weights``; return the history.

    ``progress(epoch, steps)`` makes a context manager whose ``update(loss)`` is called each step and
    ``finish(record)`` each epoch. ``stop_after_epochs`` ends the call early, as a kill would, and can be resumed.
    ``teachers`` are asked where ``train.distillation`` is above 0. A ``network`` that holds weights starts from them.

    Raises
    ------
    TrainingError
        ``train.ranking`` or ``train.adversarial`` has no sources to work on.
    """
    settings = network.config.train
    optimizer = _optimizer(network.config)
    stepper = _stepper(network, loader, optimizer)
    parts = {} if stepper.adversary is None else {"adversary": stepper.adversary}
    checkpoint = tf.train.Checkpoint(model=stepper.model, optimizer=optimizer, **parts)
    manager = tf.train.CheckpointManager(checkpoint, str(folder.checkpoints), max_to_keep=1)
    history = _restore(checkpoint, manager, folder, stepper)
    source = FeatureSource(network, loader, teachers)
    views = TrainingViews(source, loader, dev, audio=settings.tensorboard_audio)
    with tf.summary.create_file_writer(str(folder.tensorboard)).as_default():
        for epoch in range(len(history), settings.epochs):
            if _stalled(history, settings.early_stopping_epochs):
                break
            record = _run_epoch(epoch, stepper, source, network, dev, progress, views)
            if all(record["selection"] < earlier["selection"] for earlier in history):
                with averaged_weights(stepper):
                    folder.save_weights(stepper.model)
            history.append(record)
            manager.save(checkpoint_number=len(history))
            folder.write_history(history)
            for name, value in record.items():
                if name.startswith(("loss", "dev_")) and value is not None:
                    tf.summary.scalar(name, value, step=epoch)
            if stop_after_epochs is not None and len(history) >= stop_after_epochs:
                break
    return history


def _run_epoch(
    epoch: int,
    stepper: Stepper,
    source: FeatureSource,
    network: Network,
    dev: DevSet,
    progress: Callable[..., Any],
    views: TrainingViews,
) -> dict[str, Any]:
    steps = network.config.train.steps_per_epoch
    losses: list[dict[str, float]] = []
    with progress(epoch, steps) as bar:
        for lesson in source.lessons(epoch, steps):
            losses.append(stepper.learn(lesson))
            bar.update(losses[-1]["loss"])
        with averaged_weights(stepper):
            raw_score = score_dev(network, dev)
        scores = evaluate_dev(dev, raw_score)
        views.write(epoch, raw_score, float(stepper.optimizer.learning_rate))
        record = {
            "epoch": epoch,
            **{
                name if name == "loss" else f"loss_{name}": float(np.mean([step[name] for step in losses]))
                for name in losses[0]
            },
            **scores.record(),
            "selection": scores.selection,
        }
        bar.finish(record)
    return record


@contextmanager
def averaged_weights(stepper: Stepper) -> Iterator[None]:
    """Put the optimiser's running averages in place of the weights, and the weights back at the end."""
    averages = stepper.averages()
    variables = stepper.model.trainable_variables if averages else []
    current = [variable.numpy() for variable in variables]
    for variable, average in zip(variables, averages, strict=True):
        variable.assign(average)
    try:
        yield
    finally:
        for variable, value in zip(variables, current, strict=True):
            variable.assign(value)


def _stepper(network: Network, loader: Loader, optimizer: Any) -> Stepper:
    settings, sources = network.config.train, loader.sampler.paired_sources
    frames = loader.clip_samples // network.config.frontend.hop
    if settings.ranking and not sources:
        raise TrainingError(
            "train.ranking compares clips of one source, and no source of the train split holds both classes: "
            "give a manifest with source_repo, or ranking = 0"
        )
    if not settings.adversarial:
        return Stepper(network, frames, optimizer)
    width = network.training_model(frames).output[1].shape[-1]
    adversary = Adversary(width, domain_counts(len(sources), loader.augmentation))
    return Stepper(network, frames, optimizer, adversary, settings.epochs * settings.steps_per_epoch)


def _optimizer(config: ExperimentConfig) -> Any:
    settings = config.train
    steps = settings.epochs * settings.steps_per_epoch
    warm_up = min(_WARM_UP_STEPS, steps // 2)
    schedule = tf_keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else settings.learning_rate,
        max(steps - warm_up, 1),
        alpha=0.02,
        warmup_target=settings.learning_rate if warm_up else None,
        warmup_steps=warm_up,
    )
    return tf_keras.optimizers.AdamW(
        schedule,
        weight_decay=settings.weight_decay,
        use_ema=settings.average_momentum > 0,
        ema_momentum=settings.average_momentum,
        # Never written over the weights by the optimiser itself: `averaged_weights` does that for a moment.
        ema_overwrite_frequency=None,
    )


def _restore(checkpoint: Any, manager: Any, folder: RunFolder, stepper: Stepper) -> list[dict[str, Any]]:
    """Load the last checkpoint; the history counts only as far as that checkpoint reaches."""
    stepper.optimizer.build(stepper.variables)
    if manager.latest_checkpoint is None:
        return []
    checkpoint.restore(manager.latest_checkpoint).assert_existing_objects_matched()
    return folder.history()[: int(manager.latest_checkpoint.rsplit("-", 1)[1])]


def _stalled(history: Sequence[dict[str, Any]], patience: int) -> bool:
    if not history:
        return False
    best = min(range(len(history)), key=lambda index: history[index]["selection"])
    return len(history) - 1 - best >= patience

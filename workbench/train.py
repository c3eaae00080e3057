"""The training loop: batches in, best weights out; a killed run goes on where its last checkpoint stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from edge.contract import FrontEndSpec
from workbench.augment import mask_features
from workbench.config import ExperimentConfig
from workbench.dev import DevSet, evaluate_dev, score_dev
from workbench.loader import Batch, Loader
from workbench.network import Network
from workbench.runs import RunFolder
from workbench.tensorboard_views import TrainingViews

Float = NDArray[np.float32]

_WARM_UP_STEPS = 50
_MIN_LOSS_SPEECH_S = 0.75


class Objective:
    """Weighted cross-entropy of the evidence at the clip's end and, lighter, at the chunks before."""

    def __init__(self, config: ExperimentConfig) -> None:
        self.settings = config.train
        self.chunk_frames = config.model.chunk_samples // config.frontend.hop
        self.min_frames = _MIN_LOSS_SPEECH_S * config.frontend.frames_per_s

    def __call__(self, evidence: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        smoothing = self.settings.label_smoothing
        targets = labels[:, None] * (1.0 - 2.0 * smoothing) + smoothing
        losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.broadcast_to(targets, tf.shape(evidence)), evidence)
        chunks = evidence.shape[1]
        heard = tf.cumsum(tf.reduce_sum(tf.reshape(mask, [-1, chunks, self.chunk_frames]), axis=2), axis=1)
        early = self.settings.intermediate_loss * tf.cast(heard > self.min_frames, tf.float32) / chunks
        weights = early + tf.one_hot(chunks - 1, chunks)[None, :]
        weights *= labels[:, None] * (self.settings.bonafide_weight - 1.0) + 1.0
        return tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)


class Stepper:
    """One optimisation step of a network's evidence model, compiled."""

    def __init__(self, network: Network, frames: int, optimizer: Any) -> None:
        self.model = network.evidence_model(frames)
        self.optimizer = optimizer
        self.objective = Objective(network.config)
        self._compiled = tf.function(self._step)

    def __call__(self, features: Float, mask: Float, labels: Float) -> float:
        return float(self._compiled(features, mask, labels))

    def averages(self) -> list[Any]:
        """The optimiser's running averages of the trainable variables, in their order; none without averaging."""
        # tf_keras has no public way to read them without overwriting the variables for good.
        return list(self.optimizer._model_variables_moving_average) if self.optimizer.use_ema else []

    def _step(self, features: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            evidence = self.model([features, mask], training=True)
            loss = self.objective(evidence, mask, labels)
        variables = self.model.trainable_variables
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 5.0)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return loss


class FeatureSource:
    """Turns the loader's batches into augmented features."""

    def __init__(self, network: Network, loader: Loader) -> None:
        self.loader = loader
        self.model = tf.function(network.feature_model(loader.clip_samples))

    def epoch(self, epoch: int, steps: int) -> Any:
        """Yield (features, mask, labels) of each batch of one epoch."""
        for step, batch in enumerate(self.loader.epoch(epoch, steps)):
            yield self._augmented(batch, epoch, step)

    def _augmented(self, batch: Batch, epoch: int, step: int) -> tuple[Float, Float, Float]:
        features, mask = self.model(batch.samples)
        rng = np.random.default_rng([self.loader.seed, epoch, step, 1])
        return mask_features(features.numpy(), self.loader.augmentation, rng), mask.numpy(), batch.labels


def fit(
    network: Network,
    loader: Loader,
    dev: DevSet,
    folder: RunFolder,
    progress: Callable[[int, int], Any],
    stop_after_epochs: int | None = None,
) -> list[dict[str, Any]]:
    """Train ``network`` to ``folder.weights``; return the history.

    ``progress(epoch, steps)`` makes a context manager whose ``update(loss)`` is called each step and
    ``finish(record)`` each epoch. ``stop_after_epochs`` ends the call early, as a kill would, and can be resumed.
    """
    settings, spec = network.config.train, network.config.frontend
    optimizer = _optimizer(network.config)
    stepper = Stepper(network, _frames(loader.clip_samples, spec), optimizer)
    checkpoint = tf.train.Checkpoint(model=stepper.model, optimizer=optimizer)
    manager = tf.train.CheckpointManager(checkpoint, str(folder.checkpoints), max_to_keep=1)
    history = _restore(checkpoint, manager, folder, stepper)
    source = FeatureSource(network, loader)
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
            for name in ("loss", "dev_eer", "dev_auc", "dev_paired_eer", "dev_paired_auc"):
                if record[name] is not None:
                    tf.summary.scalar(name, record[name], step=epoch)
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
    steps, losses = network.config.train.steps_per_epoch, []
    with progress(epoch, steps) as bar:
        for batch in source.epoch(epoch, steps):
            losses.append(stepper(*batch))
            bar.update(losses[-1])
        with averaged_weights(stepper):
            evidence = score_dev(network, dev)
        scores = evaluate_dev(dev, evidence)
        views.write(epoch, evidence, float(stepper.optimizer.learning_rate))
        record = {
            "epoch": epoch,
            "loss": float(np.mean(losses)),
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
    stepper.optimizer.build(stepper.model.trainable_variables)
    if manager.latest_checkpoint is None:
        return []
    checkpoint.restore(manager.latest_checkpoint).assert_existing_objects_matched()
    return folder.history()[: int(manager.latest_checkpoint.rsplit("-", 1)[1])]


def _stalled(history: Sequence[dict[str, Any]], patience: int) -> bool:
    if not history:
        return False
    best = min(range(len(history)), key=lambda index: history[index]["selection"])
    return len(history) - 1 - best >= patience


def _frames(samples: int, spec: FrontEndSpec) -> int:
    return samples // spec.hop

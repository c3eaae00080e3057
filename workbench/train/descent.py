"""Training by gradient descent: batches in, best weights out; a killed run resumes from its last checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from numpy.typing import NDArray

from workbench.config import ExperimentConfig
from workbench.data.loader import Loader
from workbench.models.network import Network
from workbench.train.config import MIN_SPEECH_S
from workbench.train.dev import DevSet, evaluate_dev, record_of, score_dev
from workbench.train.pretrained import pretrained_layers
from workbench.train.runs import RunFolder
from workbench.train.tensorboard_views import TrainingViews
from workbench.transmissions.augment import mask_features

Float = NDArray[np.float32]

_WARM_UP_STEPS = 50
_LARGEST_GRADIENT = 5.0
_WORTH_COMPILING = 100
"""Steps."""


def fit(
    network: Network,
    loader: Loader,
    dev_sets: Sequence[DevSet],
    folder: RunFolder,
    progress: Callable[[int, int], Any],
    stop_after_epochs: int | None = None,
) -> list[dict[str, Any]]:
    """Train ``network`` by descent on cross-entropy; write the best weights to ``folder``.

    Parameters
    ----------
    network
        Freshly made, or with weights to start from; holds the last epoch's weights afterwards.
    loader
        Makes the batches; batch k of epoch e depends on (seed, e, k) alone.
    dev_sets
        Dev as it is and, if ``train.dev_transmission`` asks for it, through a transmission. Scored after every epoch;
        the epoch with the lowest mean of their `DevScores.selection` is kept.
    folder
        Receives weights, history, checkpoints and TensorBoard files. A checkpoint in it is resumed.
    progress
        ``progress(epoch, steps)`` makes a context manager whose ``update(loss)`` is called each step and
        ``finish(record)`` each epoch.
    stop_after_epochs
        Return once the history is that long, as a kill would; a later call resumes.

    Returns
    -------
    One record an epoch, oldest first: epoch, loss (nats), dev_eer and dev_auc (fractions), selection.
    """
    settings = network.config.train.descent
    frames = loader.clip_samples // network.config.frontend.hop
    stepper = Stepper(network, frames, partial(_optimizer, network.config))
    checkpoint = tf.train.Checkpoint(model=stepper.model, optimizers=stepper.optimizers)
    manager = tf.train.CheckpointManager(checkpoint, str(folder.checkpoints), max_to_keep=1)
    history = _restore(checkpoint, manager, folder, stepper)
    source = FeatureSource(network, loader)
    views = TrainingViews(source, loader, dev_sets[0], audio=settings.tensorboard_audio)
    with tf.summary.create_file_writer(str(folder.tensorboard)).as_default():
        for epoch in range(len(history), settings.epochs):
            if _stalled(history, settings.early_stopping_epochs):
                break
            record = _run_epoch(epoch, stepper, source, network, dev_sets, progress, views)
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


class FeatureSource:
    """Compute the features of the loader's batches, with masks drawn over them."""

    def __init__(self, network: Network, loader: Loader) -> None:
        self.loader = loader
        self.model = tf.function(network.feature_model(loader.clip_samples))

    def epoch(self, epoch: int, steps: int) -> Iterator[tuple[Float, Float, Float]]:
        """Yield features [B, T, 1, F], speech weights [B, T] and labels [B] of each batch of one epoch."""
        for step, batch in enumerate(self.loader.epoch(epoch, steps)):
            features, mask = self.model(batch.samples)
            rng = np.random.default_rng([self.loader.seed, epoch, step, 1])
            yield mask_features(features.numpy(), self.loader.augmentation, rng), mask.numpy(), batch.labels


class Stepper:
    """Compiled optimisation steps of a network's raw-score model; each call runs one and returns the loss in nats.

    ``make_optimizer`` makes the optimiser of layers that learn at a share of the configured rate: 1 for most,
    ``train.descent.pretrained_rate`` for those that start from pretrained weights.
    """

    def __init__(self, network: Network, frames: int, make_optimizer: Callable[[float], Any]) -> None:
        settings = network.config.train.descent
        # Without a loss before the last chunk, nothing else need be computed, nor normalised over.
        self.model = network.raw_score_model(frames, last_only=settings.intermediate_loss == 0)
        self.objective = Objective(network.config)
        slow = pretrained_layers(network.config.model.encoder_blocks)
        of_slow = {id(weight) for name in slow for weight in network.layers[name].trainable_weights}
        self.groups = [
            [weight for weight in self.model.trainable_variables if (id(weight) in of_slow) == chosen]
            for chosen in ((False, True) if slow else (False,))
        ]
        self.optimizers = [
            make_optimizer(rate) for rate, _ in zip((1.0, settings.pretrained_rate), self.groups, strict=False)
        ]
        for optimizer, group in zip(self.optimizers, self.groups, strict=True):
            optimizer.build(group)
        # XLA halves the time of the encoder's steps, once it has compiled them for half a minute.
        long = settings.epochs * settings.steps_per_epoch >= _WORTH_COMPILING
        self._compiled = tf.function(self._step, jit_compile=bool(slow) and long)

    def __call__(self, features: NDArray[Any], mask: NDArray[Any], labels: NDArray[Any]) -> float:
        return float(self._compiled(features, mask, labels))

    @property
    def learning_rate(self) -> float:
        """Of the layers that start from random weights, now."""
        return float(self.optimizers[0].learning_rate)

    def averages(self) -> list[tuple[Any, Any]]:
        """Pair each variable with its running average; none without averaging."""
        # tf_keras has no public way to read them without overwriting the variables for good.
        return [
            pair
            for optimizer, group in zip(self.optimizers, self.groups, strict=True)
            if optimizer.use_ema
            for pair in zip(group, optimizer._model_variables_moving_average, strict=True)
        ]

    def _step(self, features: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        variables = [variable for group in self.groups for variable in group]
        with tf.GradientTape() as tape:
            loss = self.objective(self.model([features, mask], training=True), mask, labels)
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), _LARGEST_GRADIENT)
        for optimizer, group in zip(self.optimizers, self.groups, strict=True):
            optimizer.apply_gradients(zip(gradients[: len(group)], group, strict=True))
            gradients = gradients[len(group) :]
        return loss


class Objective:
    """Cross-entropy of the raw score at the clip's end and, with less weight, at the chunks before it."""

    def __init__(self, config: ExperimentConfig) -> None:
        self.settings = config.train.descent
        self.chunk_frames = config.model.chunk_samples // config.frontend.hop
        self.min_frames = MIN_SPEECH_S * config.frontend.frames_per_s

    def __call__(self, raw_score: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Mean loss in nats of ``raw_score`` [B, chunks], given speech weights [B, T] and labels [B]."""
        losses = cross_entropy(raw_score, labels[:, None], self.settings.label_smoothing)
        chunks = raw_score.shape[1]
        weights = tf.one_hot(chunks - 1, chunks)[None, :]
        if self.settings.intermediate_loss:
            speech = tf.cumsum(tf.reduce_sum(tf.reshape(mask, [-1, chunks, self.chunk_frames]), axis=2), axis=1)
            weights += self.settings.intermediate_loss * tf.cast(speech > self.min_frames, tf.float32) / chunks
        weights *= labels[:, None] * (self.settings.bonafide_weight - 1.0) + 1.0
        return tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)


def cross_entropy(raw_score: tf.Tensor, bonafide: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
    """Compute the binary cross-entropy of each element, in nats [shape of ``raw_score``].

    Parameters
    ----------
    bonafide : 1 for bona fide, 0 for spoof; broadcast to ``raw_score``.
    smoothing : probability, in [0, 0.5], that a label is wrong (Szegedy et al. 2016).
    """
    targets = bonafide * (1.0 - 2.0 * smoothing) + smoothing
    return tf.nn.sigmoid_cross_entropy_with_logits(tf.broadcast_to(targets, tf.shape(raw_score)), raw_score)


@contextmanager
def averaged_weights(stepper: Stepper) -> Iterator[None]:
    """Swap the optimiser's running averages in for the weights until the context ends."""
    pairs = stepper.averages()
    current = [variable.numpy() for variable, _ in pairs]
    for variable, average in pairs:
        variable.assign(average)
    try:
        yield
    finally:
        for (variable, _), value in zip(pairs, current, strict=True):
            variable.assign(value)


def _run_epoch(
    epoch: int,
    stepper: Stepper,
    source: FeatureSource,
    network: Network,
    dev_sets: Sequence[DevSet],
    progress: Callable[..., Any],
    views: TrainingViews,
) -> dict[str, Any]:
    steps = network.config.train.descent.steps_per_epoch
    losses: list[float] = []
    with progress(epoch, steps) as bar:
        for features, mask, labels in source.epoch(epoch, steps):
            losses.append(stepper(features, mask, labels))
            bar.update(losses[-1])
        with averaged_weights(stepper):
            raw_scores = [score_dev(network, dev) for dev in dev_sets]
        scores = [evaluate_dev(dev, raw_score) for dev, raw_score in zip(dev_sets, raw_scores, strict=True)]
        views.write(epoch, raw_scores[0], stepper.learning_rate)
        record = {
            "epoch": epoch,
            "loss": float(np.mean(losses)),
            **record_of(scores, network.config.train.dev_transmission),
        }
        bar.finish(record)
    return record


def _optimizer(config: ExperimentConfig, share: float) -> Any:
    settings = config.train.descent
    highest = share * settings.learning_rate
    steps = settings.epochs * settings.steps_per_epoch
    warm_up = min(_WARM_UP_STEPS, steps // 2)
    schedule = tf_keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else highest,
        max(steps - warm_up, 1),
        alpha=0.02,
        warmup_target=highest if warm_up else None,
        warmup_steps=warm_up,
    )
    return tf_keras.optimizers.AdamW(
        schedule,
        weight_decay=settings.weight_decay,
        beta_2=settings.second_momentum,
        use_ema=settings.average_momentum > 0,
        ema_momentum=settings.average_momentum,
        # The optimiser never overwrites the weights itself: `averaged_weights` swaps them for a moment.
        ema_overwrite_frequency=None,
    )


def _restore(checkpoint: Any, manager: Any, folder: RunFolder, stepper: Stepper) -> list[dict[str, Any]]:
    """Load the last checkpoint; return the history up to that checkpoint."""
    if manager.latest_checkpoint is None:
        return []
    checkpoint.restore(manager.latest_checkpoint).assert_existing_objects_matched()
    return folder.history()[: int(manager.latest_checkpoint.rsplit("-", 1)[1])]


def _stalled(history: Sequence[dict[str, Any]], patience: int) -> bool:
    if not history:
        return False
    best = min(range(len(history)), key=lambda index: history[index]["selection"])
    return len(history) - 1 - best >= patience

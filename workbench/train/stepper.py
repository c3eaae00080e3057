"""One optimisation step, compiled."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from numpy.typing import NDArray

from workbench.models.network import Network
from workbench.train.adversary import Adversary
from workbench.train.losses import reversal_strength
from workbench.train.objective import Lesson, Objective

_LARGEST_GRADIENT = 5.0


class Stepper:
    """Steps of a network's evidence model: against labels alone (calling it), or all that is configured (`learn`).

    ``adversary`` is trained along; ``steps`` is how many the whole training has, for the reversal's schedule.
    """

    def __init__(
        self, network: Network, frames: int, optimizer: Any, adversary: Adversary | None = None, steps: int = 1
    ) -> None:
        self.model = network.raw_score_model(frames)
        self.optimizer, self.adversary, self._steps = optimizer, adversary, steps
        self.objective = Objective(network.config)
        self._strength = network.config.train.adversarial
        self._training_model = network.training_model(frames)
        self._compiled = tf.function(self._step)
        self._compiled_lesson = tf.function(self._learn)

    def __call__(self, features: NDArray[Any], mask: NDArray[Any], labels: NDArray[Any]) -> float:
        """One step of the loss against the labels, as deployment fine-tunes; return the loss."""
        return float(self._compiled(features, mask, labels))

    def learn(self, lesson: Lesson) -> dict[str, float]:
        """One step of everything configured; return ``loss`` and, where there are several, its unweighted terms."""
        return {name: float(value) for name, value in self._compiled_lesson(lesson).items()}

    @property
    def variables(self) -> list[Any]:
        """What is trained: the network's variables, then the adversary's."""
        return [*self.model.trainable_variables, *(self.adversary.trainable_variables if self.adversary else ())]

    def averages(self) -> list[Any]:
        """The optimiser's running averages of the network's variables, in their order; none without averaging."""
        # tf_keras has no public way to read them without overwriting the variables for good.
        averages = self.optimizer._model_variables_moving_average if self.optimizer.use_ema else []
        return list(averages[: len(self.model.trainable_variables)])

    def _step(self, features: tf.Tensor, mask: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            raw_score = self.model([features, mask], training=True)
            loss = self.objective(raw_score, mask, labels)
        self._descend(tape, loss, self.model.trainable_variables)
        return loss

    def _learn(self, lesson: Lesson) -> dict[str, tf.Tensor]:
        with tf.GradientTape() as tape:
            raw_score, embedding = self._training_model([lesson.features, lesson.mask], training=True)
            terms = self.objective.terms(raw_score, embedding, lesson)
            if self.adversary is not None:
                domains = {"source": lesson.sources, "channel": lesson.channels}
                terms["adversarial"] = self.adversary(embedding[:, -1], domains, self._reversal())
            weights = self.objective.weights
            loss = tf.add_n([weights[name] * value for name, value in terms.items()])
        self._descend(tape, loss, self.variables)
        return {"loss": loss, **(terms if len(terms) > 1 else {})}

    def _reversal(self) -> tf.Tensor:
        progress = tf.cast(self.optimizer.iterations, tf.float32) / float(self._steps)
        return self._strength * reversal_strength(progress)

    def _descend(self, tape: tf.GradientTape, loss: tf.Tensor, variables: list[Any]) -> None:
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), _LARGEST_GRADIENT)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))

"""Make seeded training batches ahead in one thread; a queue bounds the memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.data.cache import AudioCache
from workbench.data.sampling import Sampler
from workbench.transmissions.augment import augment
from workbench.transmissions.config import AugmentConfig

Float = NDArray[np.float32]

_QUEUE_BATCHES = 4
_SHORTEST_S = 1.5
_SHORTENED = 0.3


@dataclass(frozen=True)
class Batch:
    """``samples`` [B, n] float32 and ``labels`` [B] (1 = bona fide, 0 = spoof)."""

    samples: Float
    labels: Float


@dataclass(frozen=True)
class Loader:
    """Draws, cuts and augments clips. Batch k of epoch e depends on (seed, e, k) only, so a resumed run repeats it."""

    cache: AudioCache
    sampler: Sampler
    augmentation: AugmentConfig
    batch_size: int
    clip_samples: int
    sample_rate: int
    seed: int
    noises: Sequence[Float] = ()
    rooms: Sequence[Float] = ()

    def batch(self, epoch: int, step: int) -> Batch:
        """Make one batch: half spoof, half bona fide."""
        rng = np.random.default_rng([self.seed, epoch, step])
        indices = [index for _ in range(self.batch_size // 2) for index in self.sampler.draw_pair(rng)]
        return Batch(
            samples=np.stack([self._clip(index, rng) for index in indices]),
            labels=np.tile(np.array([0.0, 1.0], np.float32), self.batch_size // 2),
        )

    def epoch(self, epoch: int, steps: int) -> Iterator[Batch]:
        """Yield the batches of one epoch, made ahead by a thread."""
        ready: queue.Queue[Batch | BaseException] = queue.Queue(_QUEUE_BATCHES)
        stopping = threading.Event()

        def work() -> None:
            try:
                for step in range(steps):
                    if stopping.is_set():
                        return
                    ready.put(self.batch(epoch, step))
            except BaseException as error:  # noqa: BLE001 - handed to the consumer, who raises it
                ready.put(error)

        thread = threading.Thread(target=work, name="loader", daemon=True)
        thread.start()
        try:
            for _ in range(steps):
                item = ready.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            stopping.set()
            while thread.is_alive():
                _drain(ready)
                thread.join(0.05)

    def variant(self, index: int, number: int) -> Float:
        """Make clip ``index`` as pass ``number`` over the clips has it [shape=(clip_samples,)].

        Pass 0 has its unchanged beginning, every other pass a random stretch, augmented; it depends on (seed, number,
        index) only.
        """
        if number == 0:
            return fit_length(self.cache.clip(index), self.clip_samples)
        return self._clip(index, np.random.default_rng([self.seed, number, index, 3]))

    def _clip(self, index: int, rng: np.random.Generator) -> Float:
        stretch = cut(self.cache.clip(index), self.clip_samples, self.sample_rate, rng)
        made, _ = augment(stretch, self.augmentation, rng, self.sample_rate, self.noises, self.rooms)
        return fit_length(made, self.clip_samples)


def cut(samples: Float, length: int, sample_rate: int, rng: np.random.Generator) -> Float:
    """Cut a random stretch of at most ``length`` samples; three in ten are shorter, so that length is no cue."""
    if rng.random() < _SHORTENED:
        length = int(rng.integers(min(round(_SHORTEST_S * sample_rate), length), length + 1))
    start = int(rng.integers(0, max(len(samples) - length, 0) + 1))
    return samples[start : start + length]


def fit_length(samples: Float, length: int) -> Float:
    """Cut ``samples`` to ``length`` or pad them with zeros, which count as silence."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))


def _drain(ready: queue.Queue[Batch | BaseException]) -> None:
    while True:
        try:
            ready.get_nowait()
        except queue.Empty:
            return

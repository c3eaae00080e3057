"""An experiment: network, loader and dev set, made from a configuration and clips; training and quantising share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.config import ExperimentConfig
from workbench.data.cache import AudioCache, build_cache
from workbench.data.loader import Loader
from workbench.data.manifest import Manifest, Row
from workbench.data.recordings import Recordings, read_recordings
from workbench.data.sampling import draw_evenly, make_sampler
from workbench.errors import TrainingError
from workbench.models.network import Network
from workbench.train.dev import DevSet, padded_samples, prepare_dev

_MAX_CLIP_S = 30.0
"""A longer training recording counts with its beginning alone."""
_MAX_DEV_CLIP_S = 12.0


@dataclass(frozen=True)
class Experiment:
    """Network, loader and dev set of a run; training and quantisation share it."""

    network: Network
    loader: Loader
    train_rows: tuple[Row, ...]
    dev: DevSet
    dev_cache: AudioCache

    def dev_through(self, transmission: str) -> DevSet:
        """Compute the features of the dev clips through ``transmission``."""
        return prepare_dev(self.network, self.dev_cache, self.dev.rows, transmission)


def prepare(
    config: ExperimentConfig,
    manifest: Manifest,
    cache_folder: Path,
    *,
    noise_folder: Path | None = None,
    progress: Callable[[Sequence[Row]], Iterable[Row]] = iter,
) -> Experiment:
    """Decode the clips into ``cache_folder``, and build network, loader and dev set.

    Raises
    ------
    TrainingError
        Train or dev lacks a class.
    """
    rate = config.frontend.sample_rate
    train = manifest.select(split="train")
    dev = draw_evenly(manifest.select(split="dev"), config.train.dev_clips)
    for name, part in (("train", train), ("dev", dev)):
        for label in ("bonafide", "spoof"):
            if not part.select(label=label).rows:
                raise TrainingError(f"the {name} split has no {label} clip; training needs both classes on both splits")
    cache = build_cache(train, cache_folder, rate, _MAX_CLIP_S, progress)
    dev_cache = build_cache(dev, cache_folder, rate, _MAX_DEV_CLIP_S, progress)
    network = Network(config)
    recordings = read_recordings(noise_folder, rate) if noise_folder else Recordings()
    loader = Loader(
        cache=cache,
        sampler=make_sampler(train.rows, config.train.draw_by, config.train.paired_share),
        augmentation=config.augment,
        batch_size=config.train.batch_size,
        clip_samples=padded_samples(config, config.train.clip_s),
        sample_rate=rate,
        seed=config.train.seed,
        noises=recordings.noises,
        rooms=recordings.rooms,
    )
    dev_set = prepare_dev(network, dev_cache, dev.rows)
    return Experiment(network, loader, train.rows, dev_set, dev_cache)

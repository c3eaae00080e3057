"""Networks of earlier run folders: to teach, or to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.config import config_to_dict
from workbench.config_toml import flatten
from workbench.errors import TrainingError
from workbench.models.network import Network
from workbench.train.runs import RunFolder

_SHOWN = 3
"""Differences that a message names."""
_FREE = ("dropout", "forgetting_s", "chunk_samples")
"""Fields of [model] in which a run may differ from the one that it starts from: the layers compute the same."""


def trained_network(run: Path) -> Network:
    """The network of the run folder ``run``, with its best weights.

    Raises
    ------
    TrainingError
        It is no run folder, no epoch of it has ended, or its weights do not fit its configuration.
    """
    folder = RunFolder(run)
    network = Network(folder.info().config)
    if not folder.weights.exists():
        raise TrainingError(f"{run}: no trained weights yet; run `workbench train` until an epoch has ended")
    try:
        network.raw_score_model(network.chunk_frames).load_weights(folder.weights)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"{folder.weights}: the weights do not fit the run's configuration ({error})") from error
    return network


def take_weights(network: Network, run: Path) -> None:
    """Give ``network`` the best weights of the run folder ``run``; averages of normalisation come along.

    Raises
    ------
    TrainingError
        The networks differ in what they compute or in the shapes of their weights, or see `trained_network`.
    """
    earlier = trained_network(run)
    network.raw_score_model(network.chunk_frames)
    for what, there, here in (
        ("configuration", _fields(earlier), _fields(network)),
        ("shapes of weights", _shapes(earlier), _shapes(network)),
    ):
        if there != here:
            raise TrainingError(
                f"{run}: its network differs in its {what} ({_difference(there, here)}); start from a run that "
                f"agrees in [frontend], train.loss and [model] but for {', '.join(_FREE)}, or train from the beginning"
            )
    for name in _shapes(earlier):
        network.layers[name].set_weights(earlier.layers[name].get_weights())


def _fields(network: Network) -> dict[str, Any]:
    """What the configuration says of the features and of what the layers compute."""
    tables = config_to_dict(network.config)
    model = {name: value for name, value in tables["model"].items() if name not in _FREE}
    return flatten({"frontend": tables["frontend"], "model": model})


def _shapes(network: Network) -> dict[str, Any]:
    """Shapes of the weights of each layer that has any."""
    return {
        name: [tuple(weight.shape) for weight in layer.weights]
        for name, layer in network.layers.items()
        if layer.weights
    }


def _difference(there: dict[str, Any], here: dict[str, Any]) -> str:
    differing = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
    shown = "; ".join(
        f"{name}: {there.get(name, 'none')} there, {here.get(name, 'none')} here" for name in differing[:_SHOWN]
    )
    return f"{shown}; and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else shown

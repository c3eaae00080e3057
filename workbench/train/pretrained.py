"""Give a fresh encoder the weights of Whisper's stem and first blocks, which tools/fetch_encoder.py writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import TrainingError

if TYPE_CHECKING:  # tools/fetch_encoder.py needs no TensorFlow
    from workbench.models.network import Network

FILE_NAME = "whisper-tiny.en.npz"

_OF_BLOCK = {
    "attention_norm": ("self_attention/layer_norm/gamma", "self_attention/layer_norm/beta"),
    "attention_qkv": ("self_attention/linear_0/weight", "self_attention/linear_0/bias"),
    "attention_out": ("self_attention/linear_1/weight", "self_attention/linear_1/bias"),
    "ffn_norm": ("ffn/layer_norm/gamma", "ffn/layer_norm/beta"),
    "ffn_hidden": ("ffn/linear_0/weight", "ffn/linear_0/bias"),
    "ffn_out": ("ffn/linear_1/weight", "ffn/linear_1/bias"),
}


def load_pretrained(network: Network, cache: Path) -> None:
    """Set the stem and the blocks of ``network``'s encoder to Whisper's.

    Raises
    ------
    TrainingError
        The weights are not in ``cache``, or have other widths.
    """
    network.raw_score_model(network.chunk_frames)  # makes the layers
    file = cache / FILE_NAME
    if not file.exists():
        raise TrainingError(
            f"{file} is missing: the encoder starts from Whisper's first blocks; run `python tools/fetch_encoder.py "
            f"--output {file}`"
        )
    with np.load(file) as weights:
        for name, keys in _names(network.config.model.encoder_blocks).items():
            layer, values = network.layers[name], [_turned(weights[key]) for key in keys]
            shapes = [tuple(weight.shape) for weight in layer.weights]
            if shapes != [value.shape for value in values]:
                raise TrainingError(
                    f"{file}: layer {name} has weights of shapes {[value.shape for value in values]}, the "
                    f"configuration expects {shapes}; set model.encoder_width to that of the file"
                )
            layer.set_weights(values)


def pretrained_layers(blocks: int) -> frozenset[str]:
    """Names of the layers that start from Whisper's weights; none without an encoder."""
    return frozenset(_names(blocks)) if blocks else frozenset()


def pretrained_kernels(blocks: int) -> frozenset[str]:
    """Names of those layers that multiply: int8 once deployed, while their activations stay float."""
    return frozenset(name for name in pretrained_layers(blocks) if not name.endswith("_norm"))


def _names(blocks: int) -> dict[str, tuple[str, str]]:
    """The file's kernel and bias, or scale and offset, of each layer."""
    found = {f"encoder_conv{place}": (f"conv{place}/weight", f"conv{place}/bias") for place in (1, 2)}
    for block in range(blocks):
        for layer, (first, second) in _OF_BLOCK.items():
            found[f"encoder_block{block}_{layer}"] = (f"layer_{block}/{first}", f"layer_{block}/{second}")
    return found


def _turned(weight: Any) -> Any:
    """Weights in Keras' order: inputs before outputs, taps first and one column wide."""
    return weight.transpose(2, 1, 0)[:, None] if weight.ndim == 3 else weight.T

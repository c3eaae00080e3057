"""Run a shipped model on a stream of 16 kHz samples: the only code that computes raw scores, live or from a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.contract import Contract, read_contract
from edge.errors import ContractMismatchError, EdgeError, NotAModelError

Float = NDArray[np.float32]

SIGNATURE = "step"
_TRACKERS = "state_trackers"


@dataclass(frozen=True)
class RawScore:
    """What the model says after one chunk.

    Attributes
    ----------
    start, end : position of the chunk in samples from the start of the stream (``end`` excluded).
    value : log-odds of the running statistics, uncalibrated; higher = more bona fide.
    speech_frames : weight of speech in this chunk, 0 to the frames of a chunk.
    """

    start: int
    end: int
    value: float
    speech_frames: float


class StepModel(Protocol):
    """What `StreamScorer` asks of a model: `Model` here, an interpreter in Java behind `android_bridge`."""

    @property
    def contract(self) -> Contract:
        """The numbers that the model and the runtime agree on."""

    def initial_states(self) -> Any:
        """The states at the start of a stream; the scorer only hands them back."""

    def step(self, samples: Float, states: Any) -> tuple[float, float, Any]:
        """Run one chunk [shape=(chunk_samples,)]; return the raw score, speech frames and the new states."""


class Model:
    """A loaded `.tflite` with its contract. Not thread-safe: give each thread its own."""

    def __init__(self, path: Path, contract: Contract, interpreter: Any) -> None:
        self.path, self.contract = path, contract
        self._interpreter = interpreter
        runner = interpreter.get_signature_runner(SIGNATURE)
        self._inputs = {name: detail["index"] for name, detail in runner.get_input_details().items()}
        self._outputs = {name: detail["index"] for name, detail in runner.get_output_details().items()}
        self._shapes = {name: tuple(map(int, d["shape"])) for name, d in runner.get_input_details().items()}

    @classmethod
    def load(cls, path: str | Path, *, threads: int = 1) -> Model:
        """Load a model and check it against its contract.

        Raises
        ------
        NotAModelError
            No TFLite model, or one that the runtime cannot run.
        ContractMismatchError
            The contract is absent, of another version, or does not describe this graph.
        """
        path = Path(path)
        contract = read_contract(path)
        if _TRACKERS not in contract.state_names:
            raise ContractMismatchError(
                f"{path}: the contract names no state {_TRACKERS!r}, where the speech measure starts from; "
                "quantise the model again"
            )
        try:
            interpreter = _interpreter_class()(model_path=str(path), num_threads=threads)
            interpreter.allocate_tensors()
            signatures = interpreter.get_signature_list()
        except (ValueError, RuntimeError) as error:
            raise NotAModelError(f"{path}: the TFLite runtime refuses the model: {str(error).strip()}") from error
        expected_in = {"samples", *contract.state_names}
        expected_out = {contract.raw_score_output, "speech_frames", *contract.state_names}
        found = signatures.get(SIGNATURE, {"inputs": [], "outputs": []})
        if set(found["inputs"]) != expected_in or set(found["outputs"]) != expected_out:
            raise ContractMismatchError(
                f"{path}: the contract names the inputs {sorted(expected_in)} of signature {SIGNATURE!r}, the graph "
                f"has {sorted(found['inputs'])}; quantise the model again"
            )
        model = cls(path, contract, interpreter)
        if model._shapes["samples"] != (1, contract.chunk_samples):
            raise ContractMismatchError(
                f"{path}: the contract's chunk is {contract.chunk_samples} samples, the graph takes "
                f"{model._shapes['samples']}; quantise the model again"
            )
        return model

    @property
    def name(self) -> str:
        return self.contract.name

    def initial_states(self) -> dict[str, Float]:
        """The states at the start of a stream: zeros, but for the trackers of the speech measure."""
        states = {name: np.zeros(self._shapes[name], np.float32) for name in self.contract.state_names}
        for name, values in initial_values(self.contract).items():
            states[name][:] = values
        return states

    def step(self, samples: Float, states: dict[str, Float]) -> tuple[float, float, dict[str, Float]]:
        """Run one chunk [shape=(chunk_samples,)]; return the raw score, speech frames and the new states."""
        interpreter = self._interpreter
        interpreter.set_tensor(self._inputs["samples"], samples[None, :])
        for name, state in states.items():
            interpreter.set_tensor(self._inputs[name], state)
        interpreter.invoke()
        new_states = {name: interpreter.get_tensor(self._outputs[name]) for name in states}
        raw_score = float(interpreter.get_tensor(self._outputs[self.contract.raw_score_output])[0])
        return raw_score, float(interpreter.get_tensor(self._outputs["speech_frames"])[0]), new_states


class StreamScorer:
    """Feed samples in pieces of any length; get a raw score for each full chunk.

    The pieces are gathered to the model's own chunks, so how a stream is cut never changes a score.
    """

    def __init__(self, model: StepModel) -> None:
        self.model = model
        self._pending = np.zeros(model.contract.chunk_samples, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the stream and start another."""
        self._states = self.model.initial_states()
        self._filled = 0
        self._position = 0

    def feed(self, samples: Float) -> Iterator[RawScore]:
        """Take samples [shape=(n,), 16 kHz, range -1 to 1] and yield the raw score of every chunk they complete.

        The iterator must be exhausted before the next call.
        """
        chunk, offset = self.model.contract.chunk_samples, 0
        while offset < len(samples):
            taken = min(chunk - self._filled, len(samples) - offset)
            self._pending[self._filled : self._filled + taken] = samples[offset : offset + taken]
            self._filled += taken
            offset += taken
            if self._filled == chunk:
                yield self._run(chunk)

    def flush(self) -> Iterator[RawScore]:
        """End the stream: pad the last chunk with silence, which is not scored, and yield its raw score."""
        if self._filled:
            length = self._filled
            self._pending[length:] = 0.0
            yield self._run(length)

    def close(self) -> None:
        """Drop the states; the model stays loaded for others."""
        self._states = {}

    def _run(self, length: int) -> RawScore:
        value, speech_frames, self._states = self.model.step(self._pending, self._states)
        start, self._position = self._position, self._position + length
        self._filled = 0
        return RawScore(start, self._position, value, speech_frames)


def initial_values(contract: Contract) -> dict[str, tuple[float, ...]]:
    """The states that do not start at zero, with the values of their last axis: the trackers of the speech measure."""
    return {_TRACKERS: (contract.speech.initial_peak_db, contract.speech.initial_noise_db)}


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as error:
            raise EdgeError(
                "no TFLite runtime is installed: pip install 'bonafone[edge]' "
                "(or tflite-runtime on boards that have it)"
            ) from error
    return Interpreter


def runtime_version() -> str:
    """Name and version of the TFLite runtime in use."""
    from importlib.metadata import version

    distribution = "ai-edge-litert" if _interpreter_class().__module__.startswith("ai_edge") else "tflite-runtime"
    return f"{distribution} {version(distribution)}"

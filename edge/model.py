"""Load a shipped model and use it: score recordings, follow live streams."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.catalog import resolve_model
from edge.contract import Contract, read_contract
from edge.errors import ChannelError, ContractMismatchError, EdgeError, NotAModelError
from edge.scoring import Score, score_file, score_samples
from edge.stream import Stream

Float = NDArray[np.float32]

SIGNATURE = "step"
DEFAULT_POINT = "balanced"
_TRACKERS = "state_trackers"


def load_model(name_or_path: str | Path | None = None, *, threads: int = 1) -> Model:
    """Load a model.

    Parameters
    ----------
    name_or_path : a shipped model by name, as `edge models` lists them, or the path of a `.tflite`; None for the
        newest shipped.
    threads : of the TFLite runtime.

    Raises
    ------
    NotAModelError
        Neither a file nor a shipped name, or no TFLite model.
    ContractMismatchError
        Its contract is absent, or does not fit this runtime or the graph.

    Examples
    --------
    >>> import edge
    >>> edge.load_model("bonafone-tcn-v1").name
    'bonafone-tcn-v1'
    """
    return Model.load(resolve_model(None if name_or_path is None else str(name_or_path)), threads=threads)


class Model:
    """A loaded `.tflite` with its contract. Not thread-safe: load one for each thread.

    `load_model` finds it by name; ``score`` is for recordings, ``stream`` for live calls.

    Attributes
    ----------
    path : of the `.tflite`.
    contract : `edge.contract.Contract`, with thresholds and operating points.
    """

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
        """The model's name, as `edge models` lists it."""
        return self.contract.name

    def score(
        self,
        recording: str | Path | NDArray[Any],
        *,
        channel: str = "mix",
        sample_rate: int | None = None,
        keep_timeline: bool = False,
    ) -> Score:
        """Score one channel of a recording, or samples.

        Parameters
        ----------
        recording : a path (any format whose decoder is installed, at 8 kHz or more), or samples of one channel
            [shape=(n,), float, range -1 to 1].
        channel : of a path: ``mix`` (all channels averaged), ``left``, ``right`` or a number from 1.
        sample_rate : of samples, in Hz; None for the model's own. A file states its own.
        keep_timeline : keep the score of every chunk in ``timeline``.

        Raises
        ------
        AudioError
            The recording cannot be read or lacks the channel, or the samples are none.

        Examples
        --------
        >>> import edge
        >>> model = edge.load_model("bonafone-patch-v6")
        >>> score = model.score("examples/bonafide-telephone.wav")
        >>> score.verdict, round(score.p_bonafide, 2), round(score.duration_s, 1)
        ('bonafide', 0.82, 6.2)
        """
        if isinstance(recording, (str, Path)):
            if sample_rate is not None:
                raise ValueError(f"sample_rate is of samples, a file states its own; got {sample_rate} for {recording}")
            if channel == "each":
                raise ChannelError("channel 'each' gives several scores; call score_channels")
            return score_file(self, recording, channel=channel, keep_timeline=keep_timeline)[0]
        if channel != "mix":
            raise ChannelError(f"channel {channel!r} asked for, but samples are of one channel; give that channel's")
        rate = sample_rate or self.contract.frontend.sample_rate
        decision = score_samples(self, recording, sample_rate=rate, keep_timeline=keep_timeline)
        return Score(None, "mono", decision, len(recording) / rate, self.name)

    def score_channels(self, path: str | Path, *, keep_timeline: bool = False) -> list[Score]:
        """Score each channel of a recording by itself; see `score`.

        Examples
        --------
        >>> import edge
        >>> model = edge.load_model("bonafone-patch-v6")
        >>> call = "examples/call-left-bonafide-right-spoof.wav"
        >>> [(score.channel, score.verdict) for score in model.score_channels(call)]
        [('left', 'bonafide'), ('right', 'uncertain')]
        """
        return score_file(self, path, channel="each", keep_timeline=keep_timeline)

    def stream(self, sample_rate: int = 16000, operating_point: str = DEFAULT_POINT) -> Stream:
        """Start a live stream.

        Parameters
        ----------
        sample_rate : of the samples to come, in Hz.
        operating_point : by name: ``cautious``, ``balanced`` or ``quiet``, from the most to the least easily alarmed.

        Raises
        ------
        ContractMismatchError
            The model has no operating point of that name.
        UnsupportedFormatError
            The rate needs soxr, which is not installed.
        """
        return Stream(self, sample_rate, self.contract.operating_point(operating_point))

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

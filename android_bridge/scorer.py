"""LiteRT in Java behind the scorer's protocol: `edge.stream.StreamScorer` runs on it as on `edge.model.Model`.

The Java class, `LiteRtScorer` of the app, keeps the states in buffers of its own, so that only the samples and two
numbers cross the border for each chunk. Its methods:

    void setRawScoreOutput(String name)          the graph's output that holds the raw score, which the contract names
    String[] stateNames()                        names of the states of the signature ``step``
    void reset()                                 every state to zero
    void setState(String name, float[] values)   one state, all of its values in row-major order
    float[] step(float[] samples)                one chunk → {raw score, speech frames}; the states move on inside
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from android_bridge.errors import PortError
from edge.contract import Contract
from edge.errors import ContractMismatchError
from edge.model import initial_values

Float = NDArray[np.float32]


class JavaScorer(Protocol):
    """`LiteRtScorer` as Python sees it; arrays are the bridge's own kind."""

    def setRawScoreOutput(self, name: str, /) -> None:  # noqa: N802 - named by Java
        """Name the graph's output that holds the raw score."""

    def stateNames(self) -> Sequence[Any]:  # noqa: N802 - named by Java
        """Names of the states."""

    def reset(self) -> None:
        """Every state to zero."""

    def setState(self, name: str, values: Any, /) -> None:  # noqa: N802 - named by Java
        """Set one state."""

    def step(self, samples: Any, /) -> Sequence[float]:
        """Run one chunk; return raw score and speech frames."""


@dataclass(frozen=True)
class _Stream:
    """Which stream the states in Java belong to."""

    number: int


class JavaInterpreterModel:
    """A model whose interpreter and states live in Java; it follows one stream at a time.

    Parameters
    ----------
    contract : of the same `.tflite` that Java loaded, by `edge.contract.read_contract`.
    java : the `LiteRtScorer`.
    to_java : makes the bridge's float[] of float32 samples; None where it converts lists by itself.

    Raises
    ------
    ContractMismatchError
        Java loaded a model with other states.
    PortError
        Java failed.
    """

    def __init__(self, contract: Contract, java: JavaScorer, to_java: Callable[[Float], Any] | None = None) -> None:
        self.contract = contract
        self._java = java
        self._to_java = to_java or _as_list
        self._streams = 0
        self._call("setRawScoreOutput", partial(java.setRawScoreOutput, contract.raw_score_output))
        found = sorted(str(name) for name in self._call("stateNames", java.stateNames))
        if found != sorted(contract.state_names):
            raise ContractMismatchError(
                f"the contract of model {contract.name} names the states {sorted(contract.state_names)}, the "
                f"interpreter in Java has {found}; give both the same .tflite"
            )

    def initial_states(self) -> Any:
        """Start a stream in Java; the one before it is over."""
        self._streams += 1
        self._call("reset", self._java.reset)
        for name, values in initial_values(self.contract).items():
            self._call("setState", partial(self._java.setState, name, self._to_java(np.array(values, np.float32))))
        return _Stream(self._streams)

    def step(self, samples: Float, states: Any) -> tuple[float, float, Any]:
        """Run one chunk [shape=(chunk_samples,)]; return raw score, speech frames and the stream.

        Raises
        ------
        PortError
            Another stream was started since, Java failed, or it gave something else than two finite numbers.
        """
        if states != _Stream(self._streams):
            raise PortError(
                "the interpreter in Java went on to another stream: expected one call or recording at a time; "
                "give each its own LiteRtScorer"
            )
        answer = [float(value) for value in self._call("step", partial(self._java.step, self._to_java(samples)))]
        if len(answer) != 2 or not np.isfinite(answer).all():
            raise PortError(
                f"LiteRtScorer.step gave {answer}: expected two finite numbers, raw score and speech frames; "
                "load the model again"
            )
        return answer[0], answer[1], states

    def _call(self, name: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:  # each bridge raises Java's exceptions as a kind of its own
            raise PortError(f"LiteRtScorer.{name} failed in Java: {error}; load the model again") from error


def _as_list(samples: Float) -> list[float]:
    converted: list[float] = samples.tolist()
    return converted

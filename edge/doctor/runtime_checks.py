"""Python, the TFLite runtime, the model in it, its speed, and the decoders."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from edge.bench import voice_like
from edge.catalog import resolve_model
from edge.contract import CONTRACT_VERSION, Contract
from edge.doctor.finding import Finding, from_error
from edge.doctor.operators import named, read_operators
from edge.errors import EdgeError, ModelError
from edge.model import Model, runtime_version
from edge.scoring import score_samples

SLOW_RTF = 0.5
"""Compute time / audio time. Live listening must also catch up after a pause, and the machine has other work."""
_CLIP_S = 2.0
_NEWEST = 3
# What is lacking without a package, and how to get it.
_PARTS = {
    "soxr": ("audio at any rate but 16 kHz cannot be heard", "pip install 'bonafone[edge]'"),
    "soundfile": ("FLAC, MP3, OGG and Opus cannot be read", "pip install 'bonafone[edge]'"),
    "av": ("M4A, AAC, AMR and 3GP, which phones record, cannot be read", "pip install 'bonafone[formats]'"),
}


def check_python() -> Finding:
    """Versions of what everything stands on."""
    machine = f"{platform.system()} {platform.machine()}"
    seen = f"Python {platform.python_version()}, NumPy {np.__version__}, {machine}"
    facts = {"python": platform.python_version(), "numpy": np.__version__, "machine": machine}
    return Finding("python", "ok", seen, facts=facts)


def check_model(choice: str | None) -> tuple[list[Finding], Model | None]:
    """Load the model; say what runs it, what is in it, and how fast it is."""
    reinstall = "pip install --force-reinstall 'bonafone[edge]'"
    try:
        runtime = runtime_version()
    except EdgeError as error:
        return [from_error("runtime", _broken_runtime() or error, reinstall)], None
    found = [Finding("runtime", "ok", runtime, facts={"runtime": runtime})]
    try:
        path = resolve_model(choice)
        model = Model.load(path)
    except ModelError as error:
        advice = "a runtime older than the model refuses its operators: " + reinstall
        return [*found, from_error("model", error, advice)], None
    found += [_contract(path, model.contract), _operating_points(model.contract)]
    try:
        found += [_operators(path, model), check_speed(model)]
    except ModelError as error:
        found.append(from_error("operators", error, reinstall))
    return found, model


def check_speed(model: Model, *, clock: Callable[[], float] = time.perf_counter) -> Finding:
    """Score a short clip three times; the fastest counts, since others use this machine too."""
    clip = voice_like(_CLIP_S, model.contract.frontend.sample_rate)
    score_samples(model, clip)
    seconds = []
    for _ in range(3):
        begun = clock()
        score_samples(model, clip)
        seconds.append(clock() - begun)
    rtf = min(seconds) / _CLIP_S
    seen = f"real-time factor {rtf:.4f} on one thread"
    if rtf > SLOW_RTF:
        advice = "end what else runs here, or take a faster machine; edge bench measures at length"
        return Finding("speed", "warning", seen, advice, {"rtf": rtf})
    return Finding("speed", "ok", seen, facts={"rtf": rtf})


def check_decoders() -> Iterator[Finding]:
    """Which optional packages for reading and resampling audio work."""
    for package, (lacking, advice) in _PARTS.items():
        try:
            import_module(package)
        except (ImportError, OSError) as error:
            # OSError: the package is there, and the library that it wraps is not.
            seen = f"{package} does not load ({error}): {lacking}"
            yield Finding("decoders", "warning", seen, advice, {"package": package})
        else:
            seen = f"{package} {version(package)}"
            yield Finding("decoders", "ok", seen, facts={"package": package, "version": version(package)})


def _broken_runtime() -> EdgeError | None:
    """Tell a runtime that is there and does not load, for one because of another NumPy, from one that is not there."""
    for name in ("ai_edge_litert", "tflite_runtime"):
        try:
            import_module(f"{name}.interpreter")
        except ImportError as error:
            if find_spec(name) is not None:
                return EdgeError(f"{name} is installed and does not load ({error})")
    return None


def _contract(path: Path, contract: Contract) -> Finding:
    seen = f"{path.stem}: contract {CONTRACT_VERSION}, {contract.parameters:,} parameters, {contract.quantization}"
    facts = {
        "path": str(path),
        "contract_version": CONTRACT_VERSION,
        "parameters": contract.parameters,
        "quantization": contract.quantization,
        "model_bytes": path.stat().st_size,
    }
    return Finding("model", "ok", seen, facts=facts)


def _operating_points(contract: Contract) -> Finding:
    names = [point.name for point in contract.operating_points]
    if not names:
        seen = "the model has no operating points: nobody measured how often live alarms are false"
        return Finding("points", "warning", seen, "take a newer model, or run workbench calibrate on this one")
    rates = {point.name: point.false_alarms_per_h for point in contract.operating_points}
    told = [name if rates[name] is None else f"{name} ({rates[name]:.2g} false alarms an hour)" for name in names]
    return Finding("points", "ok", ", ".join(told), facts={"operating_points": names})


def _operators(path: Path, model: Model) -> Finding:
    operators = read_operators(path.read_bytes())
    # The runtime's own list; there is no public way to it in either runtime.
    details = model._interpreter._get_ops_details()
    names = named(operators, details)
    delegated = sum(detail["op_name"] == "DELEGATE" for detail in details)
    newest = sorted(names, key=lambda item: -item[1])[:_NEWEST]
    told = ", ".join(f"{name} v{number}" for name, number in newest)
    seen = f"{len(names)} kinds, all taken by the runtime; the newest are {told}"
    facts = {"operators": [f"{name}:{number}" for name, number in names], "delegated_parts": delegated}
    return Finding("operators", "ok", seen, facts=facts)

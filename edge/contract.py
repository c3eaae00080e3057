"""The numbers that a model and the runtime must agree on, and how a `.tflite` carries them.

`NAME.tflite` is a TFLite flatbuffer with a zip archive appended; `zipfile` reads the archive and every TFLite
runtime ignores it (the "associated file" convention of TFLite metadata). The archive holds `contract.json`.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from edge.errors import ContractMismatchError, NotAModelError
from edge.frontend_spec import FrontEndSpec, SpeechSpec
from edge.operating_point import OperatingPoint
from edge.thresholds import Thresholds

CONTRACT_VERSION = 2
_VERSION_1_RATES = {"false_alarm_rate": "bpcer", "miss_rate": "apcer"}
CONTRACT_FILE = "contract.json"
_TFLITE_IDENTIFIER = b"TFL3"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # zip's epoch: the same model and contract give the same bytes
_T = TypeVar("_T")


@dataclass(frozen=True)
class Contract:
    """Everything the runtime must know of a model; stored as JSON inside the `.tflite`."""

    name: str
    chunk_samples: int
    frontend: FrontEndSpec = field(default_factory=FrontEndSpec)
    speech: SpeechSpec = field(default_factory=SpeechSpec)
    state_names: tuple[str, ...] = ()
    forgetting_s: float | None = None
    """Time constant, in seconds of speech, of the running statistics; None: nothing is forgotten."""
    raw_score_output: str = "raw_score"
    """The graph's output that holds the raw score; models of contract version 1 call it ``evidence``."""
    calibration_scale: float = 1.0
    calibration_offset: float = 0.0
    """``cm_score = calibration_scale * raw_score + calibration_offset``."""
    thresholds: Thresholds = field(default_factory=Thresholds)
    operating_points: tuple[OperatingPoint, ...] = ()
    """How live calls may be decided, from the most to the least easily alarmed; empty until `workbench calibrate`."""
    min_speech_s: float = 1.0
    """Less speech than this: ``too_short``."""
    no_speech_s: float = 0.2
    """Less speech than this: ``no_speech``."""
    parameters: int = 0
    quantization: str = "float"
    corpus_digest: str = ""
    git_revision: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    contract_version: int = CONTRACT_VERSION

    def __post_init__(self) -> None:
        if self.chunk_samples <= 0 or self.chunk_samples % self.frontend.hop:
            raise ValueError(
                f"chunk_samples must be a positive multiple of the hop ({self.frontend.hop}); got {self.chunk_samples}"
            )

    @property
    def chunk_frames(self) -> int:
        return self.chunk_samples // self.frontend.hop

    def operating_point(self, name: str) -> OperatingPoint:
        """The operating point of that name.

        Raises
        ------
        ContractMismatchError
            The model has none of that name, or none at all.
        """
        for point in self.operating_points:
            if point.name == name:
                return point
        if not self.operating_points:
            raise ContractMismatchError(
                f"model {self.name} carries no operating points, so it can score recordings and not decide on live "
                "calls; run `workbench calibrate` on it, or use a shipped model"
            )
        names = ", ".join(point.name for point in self.operating_points)
        raise ContractMismatchError(f"model {self.name} has no operating point {name!r}; expected one of {names}")

    def stricter_points(self, point: OperatingPoint) -> tuple[OperatingPoint, ...]:
        """The operating points after ``point``, which alarm less easily; none where the contract lacks it."""
        if point not in self.operating_points:
            return ()
        return self.operating_points[self.operating_points.index(point) + 1 :]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)


def contract_from_json(text: str) -> Contract:
    """Parse and check a contract.

    Raises
    ------
    ContractMismatchError
        Not JSON, another contract version, or fields that do not fit.
    """
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ContractMismatchError(f"the model's {CONTRACT_FILE} is not JSON ({error}); quantise it again") from error
    version = data.get("contract_version") if isinstance(data, dict) else None
    if version == 1:
        data = _from_version_1(data)
    elif version != CONTRACT_VERSION:
        raise ContractMismatchError(
            f"this runtime reads contract versions 1 to {CONTRACT_VERSION}, the model carries {version!r}; "
            "quantise the model again with this release of workbench, or install the release that made it"
        )
    try:
        data["frontend"] = _build(FrontEndSpec, data["frontend"])
        data["speech"] = _build(SpeechSpec, data["speech"])
        data["thresholds"] = _build(Thresholds, data["thresholds"])
        points = data.get("operating_points", ())
        data["operating_points"] = tuple(_build(OperatingPoint, point) for point in points)
        data["state_names"] = tuple(data["state_names"])
        return _build(Contract, data)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractMismatchError(f"the model's {CONTRACT_FILE} does not fit: {error}; quantise it again") from error


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """A contract of version 1 in the names of version 2; what does not fit is left to the checks that follow."""
    thresholds = data.get("thresholds")
    if isinstance(thresholds, dict):
        thresholds = {_VERSION_1_RATES.get(name, name): value for name, value in thresholds.items()}
    return {
        **data,
        "thresholds": thresholds,
        "raw_score_output": "evidence",
        "contract_version": CONTRACT_VERSION,
    }


def _refuse_constant(name: str) -> float:
    # Python's parser takes NaN and Infinity, which JSON has not; with one in the calibration no verdict means anything.
    raise ValueError(f"expected finite numbers, got {name}")


def _build(kind: type[_T], data: dict[str, Any]) -> _T:
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {', '.join(unknown)}")
    return kind(**data)


def embed_contract(model: bytes, contract: Contract) -> bytes:
    """Return the flatbuffer ``model`` with ``contract`` appended as a zip archive, replacing an earlier one."""
    buffer = io.BytesIO()
    buffer.write(_flatbuffer_only(model))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(CONTRACT_FILE, _FIXED_DATE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, contract.to_json())
    return buffer.getvalue()


def _flatbuffer_only(model: bytes) -> bytes:
    if not zipfile.is_zipfile(io.BytesIO(model)):
        return model
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        return model[: min(info.header_offset for info in archive.infolist())]


def read_contract(path: str | Path) -> Contract:
    """Read the contract that the model at ``path`` carries.

    Raises
    ------
    NotAModelError
        The file is missing, unreadable, or no TFLite flatbuffer.
    ContractMismatchError
        A TFLite model without a contract, or with one that this runtime does not speak.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotAModelError(f"{path}: cannot read the model ({error.strerror}); give the path of a .tflite") from error
    if data[4:8] != _TFLITE_IDENTIFIER:
        raise NotAModelError(
            f"{path}: expected a TFLite model (bytes 4 to 8 are {_TFLITE_IDENTIFIER!r}), got {data[4:8]!r}; "
            "give a .tflite made by `workbench quantize`"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            text = archive.read(CONTRACT_FILE).decode()
    except (zipfile.BadZipFile, KeyError) as error:
        raise ContractMismatchError(
            f"{path}: a TFLite model without {CONTRACT_FILE}, so its front end and thresholds are unknown; "
            "use a model made by `workbench quantize`"
        ) from error
    return contract_from_json(text)

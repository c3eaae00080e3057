"""The numbers that a model and the runtime must agree on, and how a `.tflite` carries them.

`NAME.tflite` is a TFLite flatbuffer with a zip archive appended; `zipfile` reads the archive and every TFLite
runtime ignores it (the "associated file" convention of TFLite metadata). The archive holds `contract.json`.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from edge.errors import ContractMismatchError, NotAModelError
from edge.operating_point import OperatingPoint
from edge.thresholds import Thresholds

CONTRACT_VERSION = 1
CONTRACT_FILE = "contract.json"
_TFLITE_IDENTIFIER = b"TFL3"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # zip's epoch: the same model and contract give the same bytes
_T = TypeVar("_T")


@dataclass(frozen=True)
class FrontEndSpec:
    """Mel analysis of 16 kHz audio; counts in samples, frequencies in Hz.

    A feature is ``clip(log_gain * ln(max(log_floor, mel power)) + log_offset, clip_low, clip_high)``.
    With ``unit_gain`` the window sums to 1, so a full-scale sine has power 0.25 in its bin. With ``phase_advance``,
    ``phase_mels`` bands of their own have two more features each: the real and the imaginary part of their mean phase
    advance.
    """

    sample_rate: int = 16000
    window: int = 512
    hop: int = 256
    n_fft: int = 512
    n_mels: int = 80
    fmin_hz: float = 60.0
    fmax_hz: float = 7600.0
    unit_gain: bool = True
    log_floor: float = 1e-10
    log_gain: float = 10.0 / math.log(10.0) / 20.0
    log_offset: float = 3.5
    clip_low: float = -1.5
    clip_high: float = 3.5
    mean_s: float = 0.0
    """Each band's running mean over speech, with this time constant in seconds, is subtracted; 0 keeps the bands."""
    mel_break_hz: float | None = None
    """Where the mel scale ``ln(1 + f / break)`` bends from linear to logarithmic: 700 is the scale of O'Shaughnessy
    (1987), thousands make narrow bands of nearly equal width up to the top. None: Slaney's scale."""
    phase_advance: int = 0
    """Samples over which the advance of phase is measured, `edge.frontend.phase_advance`; 0 measures none."""
    phase_floor: float = 1e-9
    """Power of a bin, summed over a hop's spectra, at which its phase counts for half: below it lies noise."""
    phase_range_db: float = 0.0
    """Where above 0, the floor follows the voice instead: this far below the running peak of the speech-band level
    (`SpeechSpec`), so that a quiet recording reads as a loud one does."""
    phase_mels: int = 0
    """Bands of the phase; 0: as many as of the power."""
    power_window: int = 0
    """Window of the power where phase has one of its own, a multiple of the hop; 0: the window. One longer than
    ``n_fft`` is folded: the bins stay where they are, and each answers to less of its neighbours."""

    def __post_init__(self) -> None:
        if self.window % 2 or self.window % self.hop:
            raise ValueError(f"window must be even and a multiple of hop; got {self.window} and {self.hop} samples")
        if self.window > self.n_fft:
            raise ValueError(f"n_fft must be at least the window; got {self.n_fft} < {self.window} samples")
        if self.mean_s < 0:
            raise ValueError(f"mean_s is 0 (off) or a time constant in seconds; got {self.mean_s}")
        if self.mel_break_hz is not None and self.mel_break_hz <= 0:
            raise ValueError(f"mel_break_hz is positive, or absent for Slaney's scale; got {self.mel_break_hz}")
        if self.phase_advance < 0 or (self.phase_advance and self.hop % self.phase_advance):
            raise ValueError(
                f"phase_advance is 0 (off) or divides the hop ({self.hop} samples); got {self.phase_advance}"
            )
        if self.power_window % self.hop or self.power_window < 0:
            raise ValueError(
                f"power_window is 0 (as window) or a multiple of the hop ({self.hop}); got {self.power_window}"
            )
        if self.phase_range_db < 0:
            raise ValueError(f"phase_range_db is 0 (a fixed phase_floor) or positive; got {self.phase_range_db} dB")
        if self.phase_mels < 0 or (not self.phase_advance and (self.phase_mels or self.power_window)):
            raise ValueError(
                "phase_mels and power_window belong to a front end with phase_advance, and are at least 0; got "
                f"{self.phase_mels} bands, {self.power_window} samples, phase_advance {self.phase_advance}"
            )
        if not 0 <= self.fmin_hz < self.fmax_hz <= self.sample_rate / 2:
            raise ValueError(f"need 0 <= fmin < fmax <= {self.sample_rate / 2} Hz; got {self.fmin_hz}, {self.fmax_hz}")

    @property
    def overlap(self) -> int:
        """Samples that a frame shares with those before it: the stream's carried tail.

        With phase, a frame needs one spectrum more, that of ``phase_advance`` samples before its first.
        """
        if not self.phase_advance:
            return self.window - self.hop
        return max(self.window, self.power_window - self.hop)

    @property
    def step(self) -> int:
        """Samples between the spectra that are computed: the hop, or a part of it where phase is measured."""
        return self.phase_advance or self.hop

    @property
    def phase_bands(self) -> int:
        """Bands whose phase advance is measured."""
        return (self.phase_mels or self.n_mels) if self.phase_advance else 0

    @property
    def n_features(self) -> int:
        """Features of a frame: the log power of each band, then the two parts of the advance of each phase band."""
        return self.n_mels + 2 * self.phase_bands

    @property
    def frames_per_s(self) -> float:
        return self.sample_rate / self.hop


@dataclass(frozen=True)
class SpeechSpec:
    """The energy measure that decides which frames carry evidence.

    A frame counts by how far its level in the speech band lies above the larger of ``floor_db`` (dB re full
    scale), the running peak less ``range_db``, and the running noise floor plus ``above_noise_db``: 0 at that
    bound, 1 at ``ramp_db`` above it. The peak falls and the noise floor rises at the given rates, so a steady
    hum ceases to count within seconds.
    """

    low_hz: float = 200.0
    high_hz: float = 3800.0
    floor_db: float = -70.0
    range_db: float = 36.0
    above_noise_db: float = 6.0
    ramp_db: float = 6.0
    peak_fall_db_per_s: float = 6.0
    noise_rise_db_per_s: float = 6.0
    # Where the trackers start: below anything (peak), and a quiet room (noise), so that a clip which begins
    # in the middle of a word counts from its first frame.
    initial_peak_db: float = -100.0
    initial_noise_db: float = -70.0


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
    calibration_scale: float = 1.0
    calibration_offset: float = 0.0
    """``cm_score = calibration_scale * evidence + calibration_offset``."""
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
    if version != CONTRACT_VERSION:
        raise ContractMismatchError(
            f"this runtime reads contract version {CONTRACT_VERSION}, the model carries {version!r}; "
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

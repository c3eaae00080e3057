"""The numbers that a model and the runtime must agree on, and how a `.tflite` carries them.

`NAME.tflite` is a TFLite flatbuffer with a zip archive appended; `zipfile` reads the archive and every TFLite
runtime ignores it (the "associated file" convention of TFLite metadata). The archive holds `contract.json`.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import ContractMismatchError, NotAModelError
from edge.settings import build_settings

CONTRACT_VERSION = 2
_VERSION_1_RATES = {"false_alarm_rate": "bpcer", "miss_rate": "apcer"}
CONTRACT_FILE = "contract.json"
_REQUIRED = {"frontend", "speech", "thresholds", "state_names"}
_TFLITE_IDENTIFIER = b"TFL3"
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # zip's epoch: the same model and contract give the same bytes


def _require(*checks: tuple[bool, str]) -> None:
    for fits, message in checks:
        if not fits:
            raise ValueError(message)


@dataclass(frozen=True)
class FrontEndSpec:
    """Mel analysis of 16 kHz audio; counts in samples, frequencies in Hz.

    A feature is ``clip(log_gain * ln(max(log_floor, mel power)) + log_offset, clip_low, clip_high)``.
    With ``unit_gain`` the window sums to 1, so a full-scale sine has power 0.25 in its bin. ``phase_advance`` appends
    the real and the imaginary part of the mean phase advance of each of ``phase_mels`` bands. ``brief_window`` appends
    the log power of every linear bin above 0 Hz of several short windows per hop.
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
    """Samples over which the advance of phase is measured; 0 measures none."""
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
    brief_window: int = 0
    """Window of the short spectrum, shorter than a pitch period of most voices; 0: none."""
    brief_step: int = 16
    """Samples between its windows."""

    def __post_init__(self) -> None:
        hop, window, top_hz = self.hop, self.window, self.sample_rate / 2
        _require(
            (not window % 2 and not window % hop, f"window must be even and a multiple of hop; got {window} and {hop}"),
            (window <= self.n_fft, f"n_fft must be at least the window; got {self.n_fft} < {window} samples"),
            (self.mean_s >= 0, f"mean_s is 0 (off) or a time constant in seconds; got {self.mean_s}"),
            (
                self.mel_break_hz is None or self.mel_break_hz > 0,
                f"mel_break_hz is positive, or absent; got {self.mel_break_hz}",
            ),
            (
                0 <= self.fmin_hz < self.fmax_hz <= top_hz,
                f"need 0 <= fmin < fmax <= {top_hz} Hz; got {self.fmin_hz}, {self.fmax_hz}",
            ),
            *self._phase_checks(),
            *(self._brief_checks() if self.brief_window else ()),
        )

    def _phase_checks(self) -> Iterator[tuple[bool, str]]:
        hop, advance, window = self.hop, self.phase_advance, self.power_window
        divides = advance == 0 or (advance > 0 and hop % advance == 0)
        yield divides, f"phase_advance is 0 (off) or divides the hop ({hop} samples); got {advance}"
        whole = window >= 0 and window % hop == 0
        yield whole, f"power_window is 0 (as window) or a multiple of the hop ({hop}); got {window}"
        yield self.phase_range_db >= 0, f"phase_range_db is 0 (off) or positive; got {self.phase_range_db} dB"
        belong = self.phase_mels >= 0 and (advance > 0 or not (self.phase_mels or window))
        got = f"{self.phase_mels} bands, {window} samples, phase_advance {advance}"
        yield belong, f"phase_mels and power_window belong to a front end with phase_advance; got {got}"

    def _brief_checks(self) -> Iterator[tuple[bool, str]]:
        step, brief = self.brief_step, self.brief_window
        whole = step >= 1 and self.hop % step == 0 and brief % (2 * step) == 0
        expected = f"brief_step divides the hop ({self.hop} samples), brief_window is an even number of steps"
        yield whole, f"{expected}; got {step} and {brief}"
        yield 0 < brief <= self.window, f"brief_window lies between 0 and the window ({self.window}); got {brief}"

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
    def brief_bands(self) -> int:
        """Bins of the short spectrum."""
        return self.brief_window // 2

    @property
    def brief_rows(self) -> int:
        """Short spectra in a hop."""
        return self.hop // self.brief_step if self.brief_window else 0

    @property
    def n_features(self) -> int:
        """Features of a frame: the log power of each band, two parts of each phase band's advance, short spectra."""
        return self.n_mels + 2 * self.phase_bands + self.brief_rows * self.brief_bands

    @property
    def frames_per_s(self) -> float:
        return self.sample_rate / self.hop


@dataclass(frozen=True)
class SpeechSpec:
    """The energy measure that decides which frames count as speech.

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
class Thresholds:
    """Decision bounds on ``cm_score`` (nats) with the error rates measured on the dev split behind them.

    The rates bear the names of ISO/IEC 30107-3: attack and bona fide presentation classification error rate.
    """

    spoof_below: float = -1.0
    bonafide_above: float = 1.0
    bpcer: float | None = None
    """Share of bona fide dev clips called spoof, below ``spoof_below``; of several transmissions, the largest."""
    apcer: float | None = None
    """Share of spoof dev clips called bona fide, above ``bonafide_above``."""
    dev_bonafide: int | None = None
    """Bona fide dev clips with a score; None, as the fields that follow, in models that do not state it."""
    dev_spoof: int | None = None
    """Spoof dev clips with a score."""
    dev_sources: int | None = None
    """Sources, or speakers where no source is known, of the bona fide dev clips."""
    dev_attacks: int | None = None
    """Synthesis systems of the spoof dev clips."""
    dev_separable: bool | None = None
    """Every bona fide dev clip scores above every spoof one, so that no error was there to set a bound by."""


@dataclass(frozen=True)
class OperatingPoint:
    """How a live call is decided, and what that was measured to cost, by `workbench calibrate` on the dev split.

    Attributes
    ----------
    name : ``cautious``, ``balanced`` or ``quiet``.
    smoothing_s : time constant, in seconds of speech, over which ``cm_score`` is averaged.
    enter_below, leave_above : nats of the smoothed ``cm_score``: the alarm is entered below the one and left above the
        other, which is the larger.
    min_speech_s : seconds of speech before any verdict.
    hold_s : seconds of speech for which the smoothed value must stay below ``enter_below``.
    cooldown_s : seconds of the stream after an alarm in which no other is raised.
    false_alarms_per_h : alarms in an hour of genuine speech, in the worst of the channels it was measured on.
    genuine_speech_h : hours of genuine speech behind that figure, in that channel.
    caught_share : share of the calls in which a fake voice came in that alarmed before they ended.
    delay_median_s, delay_p90_s : seconds of fake speech to the alarm, over all those calls; None where fewer than so
        many alarmed.
    """

    name: str
    smoothing_s: float
    enter_below: float
    leave_above: float
    min_speech_s: float
    hold_s: float
    cooldown_s: float
    false_alarms_per_h: float | None = None
    genuine_speech_h: float | None = None
    caught_share: float | None = None
    delay_median_s: float | None = None
    delay_p90_s: float | None = None

    def __post_init__(self) -> None:
        where, enter, leave = f"operating point {self.name}", self.enter_below, self.leave_above
        _require((leave >= enter, f"{where}: leave_above must not be below enter_below; got {leave} and {enter} nats"))
        for name in ("smoothing_s", "min_speech_s", "hold_s", "cooldown_s"):
            value = getattr(self, name)
            _require((value >= 0, f"{where}: {name} must be at least 0; got {value}"))


@dataclass(frozen=True)
class Contract:
    """All that the runtime needs of a model beside its graph; stored as JSON inside the `.tflite`."""

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
        chunk, hop = self.chunk_samples, self.frontend.hop
        fits = chunk > 0 and chunk % hop == 0
        _require((fits, f"chunk_samples must be a positive multiple of the hop ({hop}); got {chunk}"))

    def operating_point(self, name: str) -> OperatingPoint:
        """The operating point of that name.

        Raises
        ------
        ContractMismatchError
            The model has none of that name, or none at all.
        """
        points = {point.name: point for point in self.operating_points}
        if name in points:
            return points[name]
        if not points:
            raise ContractMismatchError(
                f"model {self.name} carries no operating points, so it can score recordings and not decide on live "
                "calls; run `workbench calibrate` on it, or use a shipped model"
            )
        known = ", ".join(points)
        raise ContractMismatchError(f"model {self.name} has no operating point {name!r}; expected one of {known}")

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
        if missing := _REQUIRED - set(data):
            raise ValueError(f"the model's {CONTRACT_FILE} lacks {', '.join(sorted(missing))}")
        return build_settings(Contract, data, f"the model's {CONTRACT_FILE}", error=ValueError, quoted=True)
    except ValueError as error:
        raise ContractMismatchError(f"{error}; quantise it again") from error


def _from_version_1(data: dict[str, Any]) -> dict[str, Any]:
    """A contract of version 1 in the names of version 2; what does not fit is left to the checks that follow."""
    thresholds = data.get("thresholds")
    if isinstance(thresholds, dict):
        thresholds = {_VERSION_1_RATES.get(name, name): value for name, value in thresholds.items()}
    renamed = {"thresholds": thresholds, "raw_score_output": "evidence", "contract_version": CONTRACT_VERSION}
    return {**data, **renamed}


def _refuse_constant(name: str) -> float:
    # Python's parser takes NaN and Infinity, which JSON has not; with one in the calibration no verdict means anything.
    raise ValueError(f"expected finite numbers, got {name}")


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

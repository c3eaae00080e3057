"""The table ``[listen]`` of the configuration as a frozen value, checked once, here."""

from __future__ import annotations

from dataclasses import dataclass

from edge.errors import ConfigError
from edge.settings import check_range

_DAY_S = 86400.0


@dataclass(frozen=True)
class ListenSettings:
    """The settings of `edge listen`.

    Attributes
    ----------
    source : the address, as `edge.service.source_address.SourceAddress.parse` takes it.
    model : a `.tflite` or the name of a shipped model; None takes the newest shipped.
    operating_point : name of the model's operating point that decides.
    rate, encoding, channels : what ``cmd:`` and ``-`` carry: Hz, ffmpeg's name of the samples, interleaved channels.
    channel : ``mix``, ``left``, ``right`` or a number from 1, of ``file:``, ``cmd:`` and ``-``.
    silent_alert_s : seconds of exact zeros, or of nothing at all from a device, after which that is an alert; 0: never.
    quiet_alert_s : seconds below ``quiet_level_db`` after which a device counts as muted or dead; 0: never.
    quiet_level_db : dB of full scale, RMS. A quiet room lies above it, the noise of a converter alone below.
    metrics_port : port of this machine alone that answers Prometheus; None: none.
    clips : whether audio around an alarm is kept on disk. Without it no audio ever leaves memory.
    clips_folder : where, if it is.
    clips_before_s, clips_after_s : seconds kept from before an alarm and after it.
    clips_days, clips_megabytes : bounds of that folder.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    source: str = "mic"
    model: str | None = None
    operating_point: str = "balanced"
    rate: int = 16000
    encoding: str = "s16le"
    channels: int = 1
    channel: str = "mix"
    silent_alert_s: float = 30.0
    quiet_alert_s: float = 300.0
    quiet_level_db: float = -85.0
    metrics_port: int | None = None
    clips: bool = False
    clips_folder: str = "~/.local/state/bonafone/clips"
    clips_before_s: float = 10.0
    clips_after_s: float = 20.0
    clips_days: float = 30.0
    clips_megabytes: float = 200.0

    def __post_init__(self) -> None:
        if not self.source:
            raise ConfigError("source: empty; name what to listen to, such as mic or rtp://:5004")
        if not self.clips_folder:
            raise ConfigError("clips_folder: empty; give the path of a folder")
        check_range(self, "silent_alert_s", 0.0, _DAY_S)
        check_range(self, "quiet_alert_s", 0.0, _DAY_S)
        check_range(self, "quiet_level_db", -200.0, 0.0)
        check_range(self, "clips_before_s", 0.0, 600.0)
        check_range(self, "clips_after_s", 0.0, 600.0)
        check_range(self, "clips_days", 0.01, 3650.0)
        check_range(self, "clips_megabytes", 1.0, 1e6)
        if self.metrics_port is not None:
            check_range(self, "metrics_port", 0, 65535)

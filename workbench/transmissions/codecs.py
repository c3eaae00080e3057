"""Speech and recording codecs, there and back, aligned with the input.

G.711 is NumPy, GSM is libsndfile's, the rest are the real encoders and decoders that PyAV carries. It decodes Speex but
does not encode it, so that one needs the ``ffmpeg`` program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import CodecError
from workbench.transmissions import coders

Float = NDArray[np.float32]


@dataclass(frozen=True)
class Codec:
    """How a codec is run.

    Attributes
    ----------
    rate_hz : the sampling rate that it codes.
    bitrates_bps : the bit rates to choose from; the first is the default.
    delay : samples, at the decoder's rate, by which the decoder's output lags; measured.
    frame : samples that one packet covers; the input is padded by as many, so that none is cut.
    """

    name: str
    rate_hz: int
    bitrates_bps: tuple[int, ...]
    encoder: str
    decoder: str
    delay: int = 0
    frame: int = 0
    sample_format: str = "s16"
    options: dict[str, str] = field(default_factory=dict)
    program: str = ""
    """A program that the encoder needs."""


_AMR_BPS = (12200, 4750, 5150, 5900, 6700, 7400, 7950, 10200)
_OPUS_NB_BPS = (8000, 6000, 10000, 12000)
_OPUS_WB_BPS = (16000, 12000, 20000, 24000)
_VOIP = {"application": "voip", "frame_duration": "20", "compression_level": "5"}
_RECORDING_BPS = (32000, 16000, 24000, 48000, 64000, 96000)

CODECS: dict[str, Codec] = {
    codec.name: codec
    for codec in (
        Codec("g711-mu", 8000, (64000,), "mu-law", "mu-law"),
        Codec("g711-a", 8000, (64000,), "a-law", "a-law"),
        Codec("gsm", 8000, (13000,), "gsm", "gsm", frame=320),
        Codec("amr-nb", 8000, _AMR_BPS, "libopencore_amrnb", "amrnb", delay=40, frame=160),
        Codec("g722", 16000, (64000,), "g722", "g722", delay=22, frame=320),
        Codec("g723.1", 8000, (6300,), "g723_1", "g723_1", delay=60, frame=240),
        Codec("g726", 8000, (32000, 16000, 24000, 40000), "g726", "g726", frame=80),
        Codec("opus-nb", 8000, _OPUS_NB_BPS, "libopus", "opus", 5, 160, options=_VOIP | {"cutoff": "4000"}),
        Codec("opus-wb", 16000, _OPUS_WB_BPS, "libopus", "opus", 0, 320, options=_VOIP | {"cutoff": "8000"}),
        Codec("speex", 8000, (11000, 8000, 15000, 18200), "libspeex", "speex", 80, 160, program="ffmpeg"),
        Codec("mp3", 16000, _RECORDING_BPS, "libmp3lame", "mp3", frame=1152, sample_format="fltp"),
        Codec("aac", 16000, _RECORDING_BPS, "aac", "aac", delay=1024, frame=1024, sample_format="fltp"),
    )
}


def round_trip(samples: Float, sample_rate: int, name: str, bitrate_bps: int | None = None) -> Float:
    """Encode and decode one clip.

    Parameters
    ----------
    samples : [shape=(n,), range -1 to 1]; what lies outside is clipped.
    name : a key of `CODECS`.
    bitrate_bps : one of the codec's; its first by default.

    Returns
    -------
    samples [shape=(n,)] at ``sample_rate``, with the codec's delay removed

    Raises
    ------
    CodecError
        Unknown codec or bit rate, or a program that is missing or fails.
    """
    codec = CODECS.get(name)
    if codec is None:
        raise CodecError(f"codec {name!r}: unknown; expected one of {', '.join(CODECS)}")
    bitrate_bps = codec.bitrates_bps[0] if bitrate_bps is None else bitrate_bps
    if bitrate_bps not in codec.bitrates_bps:
        known = ", ".join(str(rate) for rate in sorted(codec.bitrates_bps))
        raise CodecError(f"{name}: {bitrate_bps} bit/s is not one of its rates; expected one of {known}")
    if len(samples) == 0:
        return samples.copy()
    coded = resample(samples, sample_rate, codec.rate_hz)
    # Two frames more than asked: the last frame must be whole, and the decoder's delay is cut at the start.
    coded = np.pad(coded, (0, codec.delay + 2 * codec.frame))
    decoded, rate_hz = _code(codec, np.clip(coded, -1.0, 1.0), bitrate_bps)
    # Opus decodes at 48 kHz whatever it coded, with images of the band above it.
    # A telephone's converter has a full scale, which float decoders do not.
    decoded = resample(np.clip(decoded[codec.delay :], -1.0, 1.0), rate_hz, codec.rate_hz)
    return fit_length(resample(decoded, codec.rate_hz, sample_rate), len(samples))


def resample(samples: Float, source_hz: int, target_hz: int) -> Float:
    """Convert a whole clip [shape=(n,)], aligned, by a linear-phase filter."""
    if source_hz == target_hz:
        return samples.astype(np.float32)
    import soxr

    converted: Float = soxr.resample(samples.astype(np.float32), source_hz, target_hz)
    return converted


def fit_length(samples: Float, length: int) -> Float:
    """The first ``length`` samples, with zeros behind where there are fewer."""
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))


def _code(codec: Codec, samples: Float, bitrate_bps: int) -> tuple[Float, int]:
    if codec.encoder in coders.COMPANDERS:
        return coders.compand(samples, codec.encoder), codec.rate_hz
    if codec.encoder == "gsm":
        return coders.code_gsm(samples, codec.rate_hz), codec.rate_hz
    settings: dict[str, Any] = {"rate_hz": codec.rate_hz, "bitrate_bps": bitrate_bps}
    if codec.program:
        return coders.code_by_ffmpeg(samples, codec.encoder, **settings)
    return coders.code_by_av(
        samples, codec.encoder, codec.decoder, sample_format=codec.sample_format, options=codec.options, **settings
    )

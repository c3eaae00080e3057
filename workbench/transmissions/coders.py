"""Encoders and decoders: G.711 in NumPy, PyAV and libsndfile in memory, ``ffmpeg`` for what neither can encode."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.audio.g711 import A_LAW, MU_LAW
from workbench.errors import CodecError

Float = NDArray[np.float32]

COMPANDERS = ("mu-law", "a-law")
_TIMEOUT_S = 60.0
_MU_BIAS = 132
_MU_CLIP = 32635
"""The largest magnitude that does not overflow once the bias is added."""
_TOGGLED = 0x55
"""A-law inverts every other bit, so that silence has edges to keep a line's clock by."""


def compand(samples: Float, law: str) -> Float:
    """G.711 there and back, ``law`` one of `COMPANDERS`."""
    pcm = to_pcm(samples)
    if law == "mu-law":
        return from_pcm(mu_law_decode(mu_law_encode(pcm)))
    return from_pcm(a_law_decode(a_law_encode(pcm)))


def code_gsm(samples: Float, rate_hz: int) -> Float:
    """GSM full rate (ETSI GSM 06.10) there and back; libsndfile carries both halves."""
    import soundfile

    try:
        file = io.BytesIO()
        soundfile.write(file, samples, rate_hz, format="WAV", subtype="GSM610")
        file.seek(0)
        decoded: Float = soundfile.read(file, dtype="float32")[0]
    except soundfile.LibsndfileError as error:
        raise CodecError(f"gsm: libsndfile cannot code it ({error.error_string}); install soundfile anew") from error
    return decoded


def code_by_av(
    samples: Float,
    encoder: str,
    decoder: str,
    *,
    rate_hz: int,
    bitrate_bps: int,
    sample_format: str,
    options: dict[str, str],
) -> tuple[Float, int]:
    """Encode and decode [shape=(n,), range -1 to 1] in memory; return the decoder's samples and their rate."""
    import av

    try:
        writer = _context(encoder, "w", rate_hz)
        writer.format, writer.time_base = sample_format, Fraction(1, rate_hz)
        writer.bit_rate, writer.options = bitrate_bps, options
        packets = [*writer.encode(_frame(samples, rate_hz, sample_format)), *writer.encode(None)]
        reader = _context(decoder, "r", rate_hz)
        reader.extradata = writer.extradata
        if encoder == "g726":
            # Its packets do not say how many bits a sample takes.
            reader.options = {"bits_per_coded_sample": str(bitrate_bps // 8000)}
        return _gather(_decode(reader, packets), rate_hz)
    except (av.FFmpegError, ValueError) as error:
        raise CodecError(f"{encoder}: PyAV cannot code at {bitrate_bps} bit/s ({error}); install av>=13") from error


def code_by_ffmpeg(samples: Float, encoder: str, *, rate_hz: int, bitrate_bps: int) -> tuple[Float, int]:
    """Encode [shape=(n,), range -1 to 1] by the ``ffmpeg`` program, decode by PyAV.

    Raises
    ------
    CodecError
        There is no ``ffmpeg``, or it was built without the encoder.
    """
    import av

    output = ["-c:a", encoder, "-b:a", str(bitrate_bps), "-f", "ogg"]
    data = _run_ffmpeg(to_pcm(samples).tobytes(), rate_hz, output)
    try:
        with av.open(io.BytesIO(data)) as container:
            return _gather(container.decode(audio=0), rate_hz)
    except (av.FFmpegError, ValueError) as error:
        raise CodecError(f"{encoder}: PyAV cannot decode what ffmpeg wrote ({error}); install av>=13") from error


def to_pcm(samples: Float) -> NDArray[np.int16]:
    """16-bit samples of floats in [-1, 1]; what lies outside is clipped."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.int16)


def from_pcm(pcm: NDArray[np.int16]) -> Float:
    """Floats in [-1, 1] of 16-bit samples."""
    return pcm.astype(np.float32) / np.float32(32768.0)


def _run_ffmpeg(pcm: bytes, rate_hz: int, output: list[str]) -> bytes:
    program = shutil.which("ffmpeg")
    if program is None:
        raise CodecError(
            f"{output[1]}: PyAV decodes but does not encode it, and there is no ffmpeg program on PATH; "
            "install ffmpeg, or choose another codec"
        )
    source = ["-f", "s16le", "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0"]
    command = [program, "-v", "error", "-threads", "1", *source, *output, "pipe:1"]
    try:
        done = subprocess.run(command, input=pcm, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CodecError(f"{output[1]}: ffmpeg cannot be run ({error}); install it anew") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CodecError(
            f"{output[1]}: ffmpeg failed ({''.join(reason)}); it may be built without this encoder: "
            "see ffmpeg -encoders"
        )
    return done.stdout


def _context(name: str, mode: str, rate_hz: int) -> Any:
    import av

    context = av.CodecContext.create(name, mode)
    context.sample_rate, context.layout = rate_hz, "mono"
    return context


def _frame(samples: Float, rate_hz: int, sample_format: str) -> Any:
    import av

    values = to_pcm(samples) if sample_format == "s16" else samples.astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(values[None]), format=sample_format, layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate_hz, 0, Fraction(1, rate_hz)
    return frame


def _decode(reader: Any, packets: Iterable[Any]) -> Iterator[Any]:
    for packet in packets:
        yield from reader.decode(packet)
    yield from reader.decode(None)


def _gather(frames: Iterable[Any], rate_hz: int) -> tuple[Float, int]:
    pieces: list[Float] = []
    for frame in frames:
        rate_hz = frame.sample_rate
        values = frame.to_ndarray()
        # Some decoders always give two channels; both hold the same.
        mono = values[0] if frame.format.is_planar else values.reshape(-1, len(frame.layout.channels))[:, 0]
        pieces.append(from_pcm(mono) if mono.dtype == np.int16 else mono.astype(np.float32))
    return (np.concatenate(pieces) if pieces else np.zeros(0, np.float32)), rate_hz


def mu_law_encode(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Codes of 16-bit samples [shape=(n,)]; µ-law of North America and Japan."""
    wide = pcm.astype(np.int32)
    biased = np.minimum(np.abs(wide), _MU_CLIP) + _MU_BIAS
    segment = _bit_length(biased) - 8
    mantissa = (biased >> (segment + 3)) & 0x0F
    sign = np.where(wide < 0, 0x80, 0)
    return (~(sign | segment << 4 | mantissa) & 0xFF).astype(np.uint8)


def mu_law_decode(codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """16-bit samples of µ-law codes [shape=(n,)]."""
    return _to_pcm(MU_LAW[codes])


def a_law_encode(pcm: NDArray[np.int16]) -> NDArray[np.uint8]:
    """Codes of 16-bit samples [shape=(n,)]; A-law of the rest of the world."""
    wide = pcm.astype(np.int32)
    # Negative intervals are closed at their other end: -1 falls into the same interval as 0 does on its side.
    magnitude = np.where(wide < 0, ~wide, wide) >> 4
    segment = np.maximum(_bit_length(magnitude) - 4, 0)
    segment = np.where(magnitude < 16, 0, segment)
    mantissa = (magnitude >> np.maximum(segment - 1, 0)) & 0x0F
    sign = np.where(wide < 0, 0, 0x80)
    return ((sign | segment << 4 | mantissa) ^ _TOGGLED).astype(np.uint8)


def a_law_decode(codes: NDArray[np.uint8]) -> NDArray[np.int16]:
    """16-bit samples of A-law codes [shape=(n,)]."""
    return _to_pcm(A_LAW[codes])


def _to_pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    # Exact: the tables are 16-bit levels over 32768.
    return (samples * 32768.0).astype(np.int16)


def _bit_length(values: NDArray[np.int32]) -> NDArray[np.int32]:
    # Exact: a float64 holds any int32.
    exponents: NDArray[np.int32] = np.frexp(values.astype(np.float64))[1]
    return exponents

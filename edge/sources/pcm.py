"""Decoders of bare audio bytes to mono float32: headerless PCM, as commands print it, and G.722, as RTP carries it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.audio import g711
from edge.audio.reading import MAX_AMPLITUDE, MIN_SAMPLE_RATE, pcm_to_float, select_channels
from edge.errors import ChannelError, UnsupportedFormatError
from edge.service.source_address import SourceSyntaxError
from edge.settings import is_channel
from edge.sources.events import BadDataError, Float

ENCODINGS = {"s16le": 2, "s32le": 4, "f32le": 4, "u8": 1, "mulaw": 1, "alaw": 1}
"""Encodings by ffmpeg's names, with their bytes a sample."""
G722_RATE = 16000
_HEADER_BYTES = 4
_CONTAINERS = (b"RIFF", b"RF64", b"OggS", b"fLaC", b".snd", b"caff", b"FORM")


@dataclass(frozen=True)
class PcmFormat:
    """What the bytes mean, which nothing in them says.

    Attributes
    ----------
    sample_rate : Hz, at least 8000.
    channels : interleaved channels, 1 to 64.
    encoding : one of `ENCODINGS`.
    channel : which one is used: ``mix``, ``left``, ``right`` or a number from 1.

    Raises
    ------
    SourceSyntaxError
        A value out of range, or a channel that the format does not have.
    """

    sample_rate: int = 16000
    channels: int = 1
    encoding: str = "s16le"
    channel: str = "mix"

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise SourceSyntaxError(f"PCM encoding {self.encoding!r}: expected one of {', '.join(ENCODINGS)}")
        if not MIN_SAMPLE_RATE <= self.sample_rate <= 384000:
            raise SourceSyntaxError(
                f"PCM sample rate {self.sample_rate}: expected {MIN_SAMPLE_RATE} to 384000 Hz; "
                "give the rate that the bytes were recorded at"
            )
        if not 1 <= self.channels <= 64:
            raise SourceSyntaxError(f"PCM with {self.channels} channels: expected 1 to 64")
        check_channel(self.channel)
        try:
            select_channels(np.zeros((1, self.channels), np.float32), self.channel)
        except ChannelError as error:
            raise SourceSyntaxError(f"PCM with {self.channels} channels: {error}") from error

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.channels * ENCODINGS[self.encoding]


class PcmDecoder:
    """Decode a byte stream in pieces of any length."""

    def __init__(self, pcm: PcmFormat) -> None:
        self.pcm = pcm
        self._rest = b""
        self._head_checked = False

    def feed(self, data: bytes) -> Float:
        """Return the mono samples [shape=(n,)] that further bytes complete.

        Raises
        ------
        BadDataError
            A file with a header instead of bare PCM, or floats that are NaN, infinite or far beyond 1.
        """
        data = self._rest + data
        if not self._head_checked and not self._check_head(data):
            self._rest = data
            return np.zeros(0, np.float32)
        self._head_checked = True
        whole = len(data) // self.pcm.frame_bytes * self.pcm.frame_bytes
        self._rest = data[whole:]
        samples = _to_float(data[:whole], self.pcm.encoding)
        ((_, mono),) = select_channels(samples.reshape(-1, self.pcm.channels), self.pcm.channel)
        return mono

    def flush(self) -> Float:
        """End the stream; return what was held back to look for a header.

        Raises
        ------
        BadDataError
            The stream ended inside a sample.
        """
        self._head_checked = True
        samples = self.feed(b"")
        if self._rest:
            raise BadDataError(
                f"the PCM ended inside a sample: {len(self._rest)} of {self.pcm.frame_bytes} bytes came; "
                "check that encoding and channels are what the sender writes"
            )
        return samples

    def _check_head(self, data: bytes) -> bool:
        """Whether enough bytes came to rule out a file with a header."""
        if len(data) < _HEADER_BYTES and any(magic.startswith(data[:4]) for magic in _CONTAINERS):
            return False
        if data.startswith(_CONTAINERS):
            raise BadDataError(
                f"a file with a header came ({data[:4].decode()!r}); expected bare {self.pcm.encoding} PCM; "
                "let the command print raw samples (arecord -t raw, ffmpeg -f s16le), or use file: for a file"
            )
        return True


def check_channel(channel: str) -> None:
    """Check that a channel option names one channel: a live source has one score.

    Raises
    ------
    SourceSyntaxError
        Anything but ``mix``, ``left``, ``right`` or a number from 1.
    """
    if channel == "each" or not is_channel(channel):
        raise SourceSyntaxError(f"channel {channel!r}: a live source takes mix, left, right or a number from 1")


def _to_float(data: bytes, encoding: str) -> Float:
    if encoding in ("mulaw", "alaw"):
        return g711.decode(data, g711.MU_LAW if encoding == "mulaw" else g711.A_LAW)
    if encoding == "f32le":
        return _checked(np.frombuffer(data, "<f4").astype(np.float32))
    return pcm_to_float(data, ENCODINGS[encoding])


def _checked(samples: Float) -> Float:
    # NaN compares false, so this also refuses it.
    if len(samples) and not float(np.abs(samples).max()) <= MAX_AMPLITUDE:
        raise BadDataError(
            "f32le samples that are NaN, infinite or far beyond 1; expected values from -1 to 1; "
            "check that the sender writes f32le and not integers"
        )
    return samples


class G722Decoder:
    """Decode one stream of G.722 (ITU-T, wide-band telephony, 64 kbit/s) by PyAV, which the extra ``formats`` brings.

    The two sub-band predictors carry over from packet to packet.

    Raises
    ------
    UnsupportedFormatError
        PyAV is not installed, or was built without the codec.
    """

    def __init__(self) -> None:
        try:
            import av
            from av.codec.codec import UnknownCodecError
        except ImportError as error:
            raise UnsupportedFormatError(
                "G.722 needs a decoder: pip install 'bonafone[formats]', or offer PCMU or PCMA to the sender"
            ) from error
        try:
            self._context = av.CodecContext.create("g722", "r")
        except UnknownCodecError as error:
            raise UnsupportedFormatError(
                "this PyAV has no G.722 decoder; install its own wheel (pip install av), or offer PCMU or PCMA to the "
                "sender"
            ) from error
        self._context.layout = "mono"
        self._context.sample_rate = G722_RATE
        self._packet = av.Packet

    def decode(self, data: bytes) -> Float:
        """Samples [shape=(2 * len(data),), range -1 to 1] at 16 kHz: each byte holds two."""
        frames = [frame.to_ndarray().ravel() for frame in self._context.decode(self._packet(data))] if data else []
        if not frames:
            return np.zeros(0, np.float32)
        samples: Float = (np.concatenate(frames) / 32768.0).astype(np.float32)
        return samples

"""G.722, wide-band telephony (ITU-T G.722, 64 kbit/s): decoded by PyAV, which the extra ``formats`` brings."""

from __future__ import annotations

import numpy as np

from edge.errors import UnsupportedFormatError
from edge.sources.events import Float

SAMPLE_RATE = 16000


class G722Decoder:
    """Decode one stream; the two sub-band predictors carry over from packet to packet.

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
        self._context.sample_rate = SAMPLE_RATE
        self._packet = av.Packet

    def decode(self, data: bytes) -> Float:
        """Samples [shape=(2 * len(data),), range -1 to 1] at 16 kHz: each byte holds two."""
        frames = [frame.to_ndarray().ravel() for frame in self._context.decode(self._packet(data))] if data else []
        if not frames:
            return np.zeros(0, np.float32)
        samples: Float = (np.concatenate(frames) / 32768.0).astype(np.float32)
        return samples

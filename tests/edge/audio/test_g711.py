"""The two tables against the standard's own values and against another decoder."""

from __future__ import annotations

import numpy as np
import pytest

from edge.audio import g711

CODES = bytes(range(256))


# ITU-T G.711, at 16 bits. Table 2: both ends, both zeros, and the last step of the first segment. Table 1: codes as on the
# line, every other bit inverted.
MU_LAW = {0x80: 32124, 0x00: -32124, 0xFF: 0, 0x7F: 0, 0xF0: 120, 0x70: -120, 0xEF: 132}
A_LAW = {0xAA: 32256, 0x2A: -32256, 0xD5: 8, 0x55: -8, 0xD4: 24, 0xC5: 264}


@pytest.mark.parametrize(("values", "table"), [(MU_LAW, g711.MU_LAW), (A_LAW, g711.A_LAW)], ids=["mu-law", "A-law"])
def test_values_of_the_standard(values, table):
    assert (g711.decode(bytes(values), table) * 32768).tolist() == list(values.values())


@pytest.mark.parametrize(("codec", "table"), [("pcm_mulaw", g711.MU_LAW), ("pcm_alaw", g711.A_LAW)])
def test_every_code_decodes_as_ffmpeg_decodes_it(codec, table):
    av = pytest.importorskip("av", reason="needs the formats extra")
    context = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = 8000, "mono"
    (frame,) = context.decode(av.Packet(CODES))
    np.testing.assert_array_equal(g711.decode(CODES, table) * 32768, frame.to_ndarray().ravel())


def test_the_tables_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        g711.MU_LAW[0] = 0.0

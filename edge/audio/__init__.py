"""Reading recordings: containers and decoders in, blocks of float samples out.

Begin with `edge.audio.reading.open_audio`, which chooses the decoder by the first bytes of a file; `g711` holds the
tables of the telephone codec.
"""

"""Reading recordings: containers and decoders in, blocks of float samples out.

Begin with `edge.audio.reading.open_audio`, which chooses the decoder; `riff` looks at WAV headers, `g711` holds the
tables of the telephone codec, `native_noise` discards what decoders write to stderr.
"""

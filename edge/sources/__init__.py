"""Live audio: microphone, command, standard input, recording, RTP and AudioSocket, all as one kind of events.

Begin with `events`, which says what a source yields; `address.make_source` makes a source from its address. Each source
is one module (``microphone``, ``command``, ``recording``, ``rtp_source``, ``audiosocket_source``) beside its formats
(``pcm``, ``rtp``, ``audiosocket``).
"""
